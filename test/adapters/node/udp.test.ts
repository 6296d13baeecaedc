import assert from 'node:assert/strict';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { test } from 'node:test';
import type { Endpoint } from '../../../src/base/index.ts';
import { ip } from '../../../src/base/index.ts';
import type { Input, InputOf, Port, UdpEffect } from '../../../src/ports/index.ts';
import { NativeHost } from '../../../src/adapters/node/native.ts';
import { createUdpPort } from '../../../src/adapters/node/udp.ts';

/** A free UDP port of the loopback address. */
async function freePort(): Promise<number> {
  const socket = createSocket('udp4');
  socket.bind(0, '127.0.0.1');
  await once(socket, 'listening');
  const { port } = socket.address();
  socket.close();
  return port;
}

const at = (address: string, port: number): Endpoint => ({ address: ip(address), port });

class Bench {
  readonly native = new NativeHost();
  readonly port: Port<UdpEffect> = createUdpPort(this.native);
  readonly inputs: Input[] = [];
  #wake: () => void = () => undefined;

  perform(effect: UdpEffect): void {
    this.port.perform(effect, (input) => {
      this.inputs.push(input.type === 'udp.received' ? { ...input, bytes: input.bytes.slice() } : input);
      this.#wake();
    });
  }

  async next<T extends Input['type']>(type: T): Promise<InputOf<T>> {
    for (;;) {
      const found = this.inputs.findIndex((input) => input.type === type);
      if (found >= 0) return this.inputs.splice(found, 1)[0] as InputOf<T>;
      await new Promise<void>((done) => (this.#wake = done));
    }
  }

  get drops(): { [cause: string]: number } {
    return this.native.addon.espPoll(this.native.handle).drops;
  }

  close(): void {
    this.port.close();
    this.native.close();
  }
}

test('udp.open answers for each port and family, is repeatable, and tells EADDRINUSE', async () => {
  const [a, b] = [new Bench(), new Bench()];
  const port = await freePort();
  try {
    a.perform({ type: 'udp.open', ports: [port], mark: 0 });
    assert.deepEqual(a.inputs.map((input) => [input.type, (input as InputOf<'udp.opened'>).family]), [['udp.opened', 4], ['udp.opened', 6]]);
    a.perform({ type: 'udp.open', ports: [port], mark: 0 });
    assert.equal(a.inputs.filter((input) => input.type === 'udp.opened').length, 4);
    b.perform({ type: 'udp.open', ports: [port], mark: 0 });
    assert.deepEqual(b.inputs, [4, 6].map((family) => ({ type: 'udp.failed', port, family, errno: 98 })));
  } finally {
    a.close();
    b.close();
  }
});

test('RFC 3948 §2 NK-1: of a 4500-like port only what has the zero marker comes as IKE, marker included', async () => {
  const bench = new Bench();
  const peer = createSocket('udp4');
  const port = await freePort();
  try {
    bench.perform({ type: 'udp.open', ports: [port], mark: 0 });
    const ike = Uint8Array.from([0, 0, 0, 0, 1, 2, 3]);
    const send = (bytes: Uint8Array): Promise<unknown> => new Promise((done) => peer.send(bytes, port, '127.0.0.1', done));
    for (const bytes of [[0xff], [0xff, 0xff], [], [0, 0, 0], [0, 0, 1, 0, 1, 1, 1], [0, 0, 1, 0, 1, 1, 1, 1]]) await send(Uint8Array.from(bytes));
    await send(ike);
    const got = await bench.next('udp.received');
    assert.deepEqual(got.bytes, ike);
    assert.deepEqual(got.local, at('127.0.0.1', port));
    assert.deepEqual(got.remote, at('127.0.0.1', peer.address().port));
    assert.ok(got.ifindex > 0);
    assert.deepEqual(bench.drops, { keepalive: 1, malformed: 4, unknown_spi: 1 });
    assert.equal(bench.inputs.filter((input) => input.type === 'udp.received').length, 0);
  } finally {
    peer.close();
    bench.close();
  }
});

for (const [family, local, remote] of [['udp4', '127.0.0.77', '127.0.0.1'], ['udp6', '::1', '::1']] as const) {
  test(`RFC 7296 §2.11: a datagram leaves from the source address asked for (${family})`, async () => {
    const bench = new Bench();
    const peer = createSocket(family);
    const port = await freePort();
    try {
      peer.bind(0, remote);
      await once(peer, 'listening');
      bench.perform({ type: 'udp.open', ports: [port], mark: 0 });
      const heard = once(peer, 'message');
      bench.perform({ type: 'udp.send', ifindex: 1, local: at(local, port), remote: at(remote, peer.address().port), bytes: Uint8Array.from([1, 2]) });
      const [message, from] = (await heard) as [Buffer, { address: string; port: number }];
      assert.deepEqual([[...message], from.address, from.port], [[1, 2], local, port]);
      assert.deepEqual(bench.inputs.filter((input) => input.type === 'udp.sendFailed'), []);
    } finally {
      peer.close();
      bench.close();
    }
  });
}

test('a refused send is told at once with its errno: no such source, no such device, no such socket', async () => {
  const bench = new Bench();
  const port = await freePort();
  try {
    bench.perform({ type: 'udp.open', ports: [port], mark: 0 });
    bench.inputs.length = 0;
    const bytes = Uint8Array.from([0, 0, 0, 0]);
    const send = (ifindex: number, local: Endpoint): void => bench.perform({ type: 'udp.send', ifindex, local, remote: at('127.0.0.1', 9), bytes });
    send(0, at('203.0.113.77', port));
    send(99_999, at('127.0.0.1', port));
    send(0, at('127.0.0.1', port === 65535 ? 1 : port + 1));
    const errnos = bench.inputs.map((input) => (input as InputOf<'udp.sendFailed'>).errno);
    assert.ok(errnos.length === 3 && errnos.every((errno) => errno > 0), errnos.join());
    assert.equal(errnos[2], 9, 'EBADF: not opened');
  } finally {
    bench.close();
  }
});

test('ICMP errors of earlier sends do not stop receiving, and a burst longer than a turn comes whole and in order', async () => {
  const bench = new Bench();
  const peer = createSocket('udp4');
  const port = await freePort();
  const closed = await freePort();
  try {
    bench.perform({ type: 'udp.open', ports: [port], mark: 0 });
    for (let i = 0; i < 5; i++) bench.perform({ type: 'udp.send', ifindex: 0, local: at('127.0.0.1', port), remote: at('127.0.0.1', closed), bytes: Uint8Array.from([0]) });
    const COUNT = 600;
    for (let i = 0; i < COUNT; i++) await new Promise((done) => peer.send(Uint8Array.from([0, 0, 0, 0, i >> 8, i & 255]), port, '127.0.0.1', done));
    for (let i = 0; i < COUNT; i++) {
      const { bytes } = await bench.next('udp.received');
      assert.equal(((bytes[4] ?? 0) << 8) | (bytes[5] ?? 0), i);
    }
  } finally {
    peer.close();
    bench.close();
  }
});

test('a burst never keeps the event loop: at most 256 datagrams come between two of its rounds', async () => {
  const bench = new Bench();
  const port = await freePort();
  const COUNT = 400;
  let received = 0;
  let most = 0;
  let round = 0;
  let running = true;
  const count = (): void => {
    most = Math.max(most, received - round);
    round = received;
    if (running) setImmediate(count);
  };
  const deliver = (input: Input): void => {
    if (input.type === 'udp.received') received++;
  };
  try {
    bench.port.perform({ type: 'udp.open', ports: [port], mark: 0 }, deliver);
    for (let i = 0; i < COUNT; i++) bench.port.perform({ type: 'udp.send', ifindex: 0, local: at('127.0.0.1', port), remote: at('127.0.0.1', port), bytes: new Uint8Array(4) }, deliver);
    setImmediate(count);
    for (let i = 0; i < 200 && received < COUNT; i++) await new Promise((done) => setTimeout(done, 10));
    assert.equal(received, COUNT);
    assert.ok(most <= 256, `${most} in one round`);
  } finally {
    running = false;
    bench.close();
  }
});

for (const how of ['port', 'host'] as const) {
  test(`the receiver may close the ${how} while a batch is delivered: nothing of the batch comes after it`, async () => {
    const bench = new Bench();
    const port = await freePort();
    let count = 0;
    const deliver = (input: Input): void => {
      if (input.type !== 'udp.received') return;
      count++;
      if (how === 'port') bench.port.perform({ type: 'udp.close' }, deliver);
      else bench.native.close();
    };
    try {
      bench.port.perform({ type: 'udp.open', ports: [port], mark: 0 }, deliver);
      // All are queued in the kernel before this thread returns to its loop.
      for (let i = 0; i < 20; i++) bench.port.perform({ type: 'udp.send', ifindex: 0, local: at('127.0.0.1', port), remote: at('127.0.0.1', port), bytes: new Uint8Array(4) }, deliver);
      for (let i = 0; i < 100 && count === 0; i++) await new Promise((done) => setTimeout(done, 10));
      await new Promise((done) => setTimeout(done, 20));
      assert.equal(count, 1);
      const again = new Bench();
      again.perform({ type: 'udp.open', ports: [port], mark: 0 });
      assert.deepEqual(again.inputs.map((input) => input.type), ['udp.opened', 'udp.opened'], 'the port is free again');
      again.close();
    } finally {
      bench.close();
    }
  });
}
