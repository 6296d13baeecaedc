import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { test } from 'node:test';
import { NETLINK_ROUTE, NativeHost, loadNative, openNetlink, systemError } from '../../../src/adapters/node/native.ts';
import { DROP_CAUSES } from '../../../src/esp/index.ts';

test('the causes of drops are the same rows in C and TypeScript', () => {
  assert.deepEqual(loadNative().dropCauses, [...DROP_CAUSES]);
});

test('a system error carries code and errno as Node makes them', () => {
  const error = systemError(101, 'connect');
  assert.deepEqual([error.code, error.errno, error.message], ['ENETUNREACH', -101, 'connect: ENETUNREACH']);
});

test('a host refuses what is no argument and everything after its close, with an exception', () => {
  const native = new NativeHost();
  const { addon, handle } = native;
  const call = (name: keyof typeof addon, ...args: unknown[]): (() => unknown) => () => Reflect.apply(addon[name] as () => unknown, addon, args);
  assert.throws(call('udpOpen'), TypeError);
  assert.throws(call('udpOpen', {}), TypeError);
  assert.throws(call('udpOpen', handle, 'x', 4, 0), TypeError);
  assert.throws(call('udpSend', handle, 0, new Uint8Array(4), 1, new Uint8Array(16), 1, new Uint8Array(1)), TypeError, 'two families');
  assert.throws(call('udpSend', handle, 0, new Uint8Array(4), 1, new Uint8Array(4), -1, new Uint8Array(1)), TypeError);
  assert.throws(call('espSaAdd', handle, 1, 1, 1, true, 1, 'key', true, new Uint8Array(0), new Uint8Array(0)), TypeError);
  assert.throws(call('open', { udpReceived: 1 }), TypeError);
  assert.equal(addon.udpOpen(handle, 70_000, 4, 0), 22);
  assert.equal(addon.netlinkSend(handle, 12_345, new Uint8Array(4)), 9);
  native.close();
  native.close();
  assert.throws(call('udpOpen', handle, 1, 4, 0), new RegExp('closed'));
  addon.close(handle);
});

/** RTM_GETLINK dump, sequence 7. */
function linkDump(): Uint8Array {
  const message = new Uint32Array(5);
  const half = new Uint16Array(message.buffer);
  message[0] = 20;
  half[2] = 18;
  half[3] = 0x301;
  message[2] = 7;
  return new Uint8Array(message.buffer);
}

test('netlink: a dump of links comes in datagrams of whole messages to the asker only, and the socket may close inside its own callback', async () => {
  const native = new NativeHost();
  try {
    const types = await new Promise<number[]>((done, failed) => {
      const seen: number[] = [];
      const socket = openNetlink(native, { protocol: NETLINK_ROUTE, groups: [1] }, {
        failed: (errno) => failed(systemError(errno, 'netlink')),
        message: (bytes) => {
          for (let at = 0; at + 16 <= bytes.length; ) {
            const [length, type] = [new Uint32Array(bytes.slice(at, at + 4).buffer)[0] ?? 0, new Uint16Array(bytes.slice(at + 4, at + 6).buffer)[0] ?? 0];
            const [sequence, portId] = new Uint32Array(bytes.slice(at + 8, at + 16).buffer);
            assert.deepEqual([sequence, portId], [7, socket.portId]);
            seen.push(type);
            assert.ok(length >= 16);
            at += (length + 3) & ~3;
          }
          if (seen.at(-1) !== 3) return;
          socket.close();
          done(seen);
        },
      });
      assert.equal(socket.send(linkDump()), 0);
    });
    assert.ok(types.length >= 2 && types.slice(0, -1).every((type) => type === 16), 'RTM_NEWLINK, then NLMSG_DONE');
  } finally {
    native.close();
  }
});

test('netlink: a protocol the kernel does not know is an error with its code', () => {
  const native = new NativeHost();
  assert.throws(() => openNetlink(native, { protocol: 31, groups: [] }, { message: () => undefined, failed: () => undefined }), { code: 'EPROTONOSUPPORT' });
  native.close();
});

/** Runs JavaScript with the addon as `addon` in a process of its own. */
function child(script: string): { status: number | null; stdout: string; stderr: string } {
  const events = `{${['udpReceived', 'udpSendFailed', 'espFirstInbound', 'espUnknownSpi', 'espTooBig', 'tunFailed', 'netlinkReceived', 'tcpConnected', 'icmpAnswered'].map((n) => `${n}(...a) { on.${n}?.(...a); }`).join(',')}}`;
  const code = `const addon = require('./build/lib/mobiked.node'); const on = {}; const h = addon.open(${events}); const lo = Uint8Array.from([127, 0, 0, 1]);
    const ask = () => { const id = addon.netlinkOpen(h, 0, new Uint32Array()); addon.netlinkSend(h, id, Uint8Array.from([${linkDump().join(',')}])); return id; };
    ${script}`;
  return spawnSync(process.execPath, ['-e', code], { encoding: 'utf8', timeout: 20_000 });
}

test('the process ends by itself when nothing is open, and with process.exit at any time', () => {
  assert.deepEqual(child('').status, 0);
  assert.deepEqual(child('const id = ask(); addon.netlinkClose(h, id);').status, 0);
  assert.deepEqual(child('ask(); on.netlinkReceived = () => process.exit(7);').status, 7);
  assert.deepEqual(child('ask(); setTimeout(() => process.exit(6), 50);').status, 6);
  assert.deepEqual(child('ask(); on.netlinkReceived = () => addon.close(h);').status, 0);
});

test('an exception in a callback of the addon is an uncaught exception, not lost', () => {
  const { status, stderr } = child("ask(); on.netlinkReceived = () => { throw new Error('found out'); };");
  assert.equal(status, 1);
  assert.ok(stderr.includes('found out'));
  const caught = child("let n = 0; process.on('uncaughtException', () => { if (++n === 1) setImmediate(() => addon.close(h)); }); ask(); on.netlinkReceived = () => { throw new Error('x'); };");
  assert.deepEqual([caught.status, caught.stderr], [0, '']);
});

test('a host that JavaScript forgot is closed by the garbage collector', () => {
  const { status, stdout } = spawnSync(process.execPath, ['--expose-gc', '-e', `
    const addon = require('./build/lib/mobiked.node');
    const names = ${JSON.stringify(['udpReceived', 'udpSendFailed', 'espFirstInbound', 'espUnknownSpi', 'espTooBig', 'tunFailed', 'netlinkReceived', 'tcpConnected', 'icmpAnswered'])};
    const count = () => require('fs').readdirSync('/proc/self/fd').length;
    const before = count();
    for (let i = 0; i < 5; i++) addon.netlinkOpen(addon.open(Object.fromEntries(names.map((n) => [n, () => undefined]))), 0, new Uint32Array());
    const during = count();
    setTimeout(() => { gc(); setTimeout(() => { console.log(during > before, count() <= before + 1); process.exit(0); }, 20); }, 20);
  `], { encoding: 'utf8', timeout: 20_000 });
  assert.deepEqual([status, stdout.trim()], [0, 'true true']);
});
