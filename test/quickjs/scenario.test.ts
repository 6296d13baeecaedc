import { test } from 'node:test';
import assert from 'node:assert/strict';
import { build } from 'esbuild';
import { getQuickJS, type QuickJSContext, type QuickJSHandle } from 'quickjs-emscripten';
import { nodeCrypto } from '../../src/adapters/node/crypto.ts';
import type { DhGroup, HashName } from '../../src/crypto/index.ts';
import { play, type StoryResult } from './story.ts';

const suite = nodeCrypto();
const SEED = 4555;

/** The core, the simulator and the story as one script. `neutral`: an import of Node's would fail here. */
async function bundle(): Promise<string> {
  const { outputFiles } = await build({
    entryPoints: ['test/quickjs/guest.ts'], bundle: true, write: false, format: 'iife', globalName: 'guest', platform: 'neutral', target: 'es2022', logLevel: 'warning',
  });
  return outputFiles[0]?.text ?? '';
}

/** Gives the guest its crypto: strings, numbers and ArrayBuffers go through, nothing of Node's. */
function givePlatform(vm: QuickJSContext): void {
  const octets = (handle: QuickJSHandle): Uint8Array => {
    using held = vm.getArrayBuffer(handle);
    return held.value.slice();
  };
  const give = (bytes: Uint8Array | undefined): QuickJSHandle => (bytes === undefined ? vm.undefined : vm.newArrayBuffer(bytes.slice().buffer));
  const text = (handle: QuickJSHandle): HashName => vm.getString(handle) as HashName;
  const group = (handle: QuickJSHandle): DhGroup => vm.getNumber(handle) as DhGroup;
  const functions: { readonly [name: string]: (...args: QuickJSHandle[]) => Uint8Array | undefined } = {
    hash: (name, data) => suite.hash(text(name), octets(data)),
    hmac: (name, key, data) => suite.hmac(text(name), octets(key)).sign(octets(data)),
    seal: (key, nonce, aad, plaintext) => suite.aead('aes-gcm-16', octets(key)).seal(octets(nonce), octets(aad), octets(plaintext)),
    open: (key, nonce, aad, sealed) => suite.aead('aes-gcm-16', octets(key)).open(octets(nonce), octets(aad), octets(sealed)),
    dhPublic: (number, secret) => suite.dh(group(number), octets(secret)).publicValue,
    dhDerive: (number, secret, peer) => suite.dh(group(number), octets(secret)).derive(octets(peer)),
  };
  const platform = vm.newObject();
  for (const [name, work] of Object.entries(functions)) vm.newFunction(name, (...args) => give(work(...args))).consume((f) => vm.setProp(platform, name, f));
  vm.setProp(vm.global, 'platform', platform);
  platform.dispose();
}

async function inQuickJs(): Promise<StoryResult> {
  const quickJs = await getQuickJS();
  const vm = quickJs.newContext();
  try {
    givePlatform(vm);
    vm.unwrapResult(vm.evalCode(await bundle(), 'bundle.js')).dispose();
    const handle = vm.unwrapResult(vm.evalCode(`guest.run(${SEED})`, 'run.js'));
    const result = JSON.parse(vm.getString(handle)) as StoryResult;
    handle.dispose();
    return result;
  } finally {
    vm.dispose();
  }
}

test('the whole scenario in Node: what the story asks for happens', () => {
  const result = play(suite, SEED);
  assert.deepEqual(result.uplinks, ['wan0', 'wan0', 'wan0', 'wwan0', 'wwan0', 'wan0', 'wwan0']);
  assert.deepEqual(result.rekeyed, { ike: 1, child: 2 });
  assert.equal(result.moves, 3);
  assert.equal(result.exitCode, 0);
  assert.ok(result.answered > 600 && result.lost < 120, `${result.answered} answered, ${result.lost} lost`);
});

test('the same scenario inside QuickJS: every effect of both daemons and every datagram is the same, octet for octet', async () => {
  const here = play(suite, SEED);
  const there = await inQuickJs();
  assert.deepEqual(there.chapters, here.chapters);
  assert.deepEqual(there, { ...here });
  assert.ok(here.lines > 2000, `${here.lines} effects and datagrams`);
});

test('the comparison can fail: another seed has another digest', () => {
  assert.notEqual(play(suite, SEED + 1).digest, play(suite, SEED).digest);
});
