import assert from 'node:assert/strict';
import { createServer } from 'node:net';
import { once } from 'node:events';
import { test } from 'node:test';
import { ip } from '../../../src/base/index.ts';
import { NativeHost } from '../../../src/adapters/node/native.ts';
import { connectTcp } from '../../../src/adapters/node/tcp.ts';

const target = (port: number, options: { address?: string; ifindex?: number } = {}): Parameters<typeof connectTcp>[1] => ({
  address: ip(options.address ?? '127.0.0.1'), port, ifindex: options.ifindex ?? 0, mark: 0, userTimeoutMs: 5000,
});

async function echoServer(host: string): Promise<{ port: number; close: () => void }> {
  const server = createServer((socket) => socket.pipe(socket));
  server.listen(0, host);
  await once(server, 'listening');
  const address = server.address();
  assert.ok(address !== null && typeof address === 'object');
  return { port: address.port, close: () => void server.close() };
}

for (const host of ['127.0.0.1', '::1']) {
  test(`a connection bound to a device by its index is a net.Socket that works (${host})`, async () => {
    const native = new NativeHost();
    const server = await echoServer(host);
    try {
      const socket = await connectTcp(native, target(server.port, { address: host, ifindex: 1 }));
      const text = 'x'.repeat(200_000);
      socket.end(text);
      let got = '';
      for await (const chunk of socket.setEncoding('utf8')) got += String(chunk);
      assert.equal(got, text);
    } finally {
      server.close();
      native.close();
    }
  });
}

test('a refused connect rejects with its code, an unknown device too', async () => {
  const native = new NativeHost();
  const server = await echoServer('127.0.0.1');
  const { port } = server;
  server.close();
  try {
    await assert.rejects(connectTcp(native, target(port)), { code: 'ECONNREFUSED' });
    await assert.rejects(connectTcp(native, target(port, { ifindex: 999_999 })), { code: 'ENODEV' });
  } finally {
    native.close();
  }
});

test('an aborted attempt rejects at once, leaves no descriptor and no answer', async () => {
  const native = new NativeHost();
  const server = await echoServer('127.0.0.1');
  try {
    const abort = new AbortController();
    const attempt = connectTcp(native, target(server.port), abort.signal);
    abort.abort();
    await assert.rejects(attempt, new RegExp('aborted'));
    await assert.rejects(connectTcp(native, target(server.port), abort.signal), new RegExp('aborted'));
    // More than there are slots: each attempt gives its slot back.
    for (let i = 0; i < 40; i++) (await connectTcp(native, target(server.port))).destroy();
  } finally {
    server.close();
    native.close();
  }
});
