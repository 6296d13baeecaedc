// It fails the day someone leaves the common subset of the two runtimes: the core's bundle and one whole scenario run
// inside QuickJS (as WebAssembly), with crypto given by functions of the host, and tell the same story as on Node.
import { test } from 'node:test';
import assert from 'node:assert/strict';
import { build } from 'esbuild';
import { getQuickJS, type QuickJSContext, type QuickJSHandle } from 'quickjs-emscripten';
import { nodeCrypto } from '../../src/adapters/node/crypto.ts';
import type { Aead, AeadName, DhGroup, DhPair, HashName, Mac } from '../../src/crypto/index.ts';
import { wholeScenario } from './quickjs-scenario.ts';

const suite = nodeCrypto();

/** Puts the host's functions into the context as the global object `host`. */
function giveCrypto(context: QuickJSContext): void {
  const objects: { wipe(): void }[] = [];
  const keep = (object: { wipe(): void }): QuickJSHandle => context.newNumber(objects.push(object) - 1);
  const the = <T>(handle: QuickJSHandle): T => objects[context.getNumber(handle)] as T;
  const octets = (handle: QuickJSHandle): Uint8Array => {
    const lifetime = context.getArrayBuffer(handle);
    const copy = lifetime.value.slice();
    lifetime.dispose();
    return copy;
  };
  const back = (bytes: Uint8Array | undefined): QuickJSHandle => (bytes === undefined ? context.undefined : context.newArrayBuffer(bytes.slice().buffer));
  const text = (handle: QuickJSHandle): string => context.getString(handle);
  const functions: { readonly [name: string]: (...args: [QuickJSHandle, QuickJSHandle, QuickJSHandle, QuickJSHandle]) => QuickJSHandle } = {
    hash: (name, data) => back(suite.hash(text(name) as HashName, octets(data))),
    hmac: (name, key) => keep(suite.hmac(text(name) as HashName, octets(key))),
    sign: (mac, data) => back(the<Mac>(mac).sign(octets(data))),
    aead: (name, key) => keep(suite.aead(text(name) as AeadName, octets(key))),
    seal: (aead, nonce, aad, plain) => back(the<Aead>(aead).seal(octets(nonce), octets(aad), octets(plain))),
    open: (aead, nonce, aad, sealed) => back(the<Aead>(aead).open(octets(nonce), octets(aad), octets(sealed))),
    dh: (group, secret) => keep(suite.dh(context.getNumber(group) as DhGroup, octets(secret))),
    publicValue: (pair) => back(the<DhPair>(pair).publicValue),
    derive: (pair, peer) => back(the<DhPair>(pair).derive(octets(peer))),
    wipe: (object) => {
      the<{ wipe(): void }>(object).wipe();
      return context.undefined;
    },
  };
  const host = context.newObject();
  for (const [name, work] of Object.entries(functions)) {
    const made = context.newFunction(name, (...args) => work(...(args as [QuickJSHandle, QuickJSHandle, QuickJSHandle, QuickJSHandle])));
    context.setProp(host, name, made);
    made.dispose();
  }
  context.setProp(context.global, 'host', host);
  host.dispose();
}

function evaluate(context: QuickJSContext, code: string): string {
  const result = context.evalCode(code, 'core.js');
  if (result.error) {
    const error = context.dump(result.error) as { name?: string; message?: string; stack?: string };
    throw new Error(`inside QuickJS: ${error.name}: ${error.message}\n${error.stack}`);
  }
  const value: unknown = context.dump(result.value);
  result.value.dispose();
  return String(value);
}

test('one whole scenario inside QuickJS: handshake, traffic, move, both rekeyings, goodbye, as on Node', async () => {
  const { outputFiles } = await build({
    entryPoints: ['test/sim/quickjs-entry.ts'], bundle: true, write: false, format: 'iife', platform: 'neutral', target: 'es2022', logLevel: 'silent', mainFields: ['main'],
  });
  const code = outputFiles[0]?.text ?? assert.fail('no bundle');
  const QuickJS = await getQuickJS();
  const context = QuickJS.newContext();
  try {
    for (const missing of ['process', 'Buffer', 'setTimeout', 'TextEncoder', 'URL', 'structuredClone', 'Intl']) assert.equal(evaluate(context, `typeof ${missing}`), 'undefined', missing);
    giveCrypto(context);
    evaluate(context, code);
    const inside = evaluate(context, 'scenario(7)');
    const outside = wholeScenario(7, suite);
    assert.deepEqual(JSON.parse(inside), JSON.parse(outside));
    const story = JSON.parse(inside) as { router: [number, string][]; result: { outage: number; answered: number } };
    assert.ok(story.router.some(([, line]) => line.includes('moved from wan0')));
    assert.ok(story.result.answered > 200);
  } finally {
    context.dispose();
  }
});
