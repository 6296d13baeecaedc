import { after, before, test } from 'node:test';
import assert from 'node:assert/strict';
import { createSocket } from 'node:dgram';
import type { Socket as UdpSocket } from 'node:dgram';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import type { Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ip } from '../../../src/base/index.ts';
import type { IpAddress } from '../../../src/base/index.ts';
import type { EffectOf, InputOf } from '../../../src/ports/index.ts';
import { NativeHost } from '../../../src/adapters/node/native.ts';
import { createResolverPort } from '../../../src/adapters/node/resolver.ts';
import type { ResolverSetup } from '../../../src/adapters/node/resolver.ts';

/** The kernel numbers the loopback device 1 in every namespace. */
const LOOPBACK = 1;

type Answer = InputOf<'resolver.answered'>;
/** What a server says: addresses, or a way to misbehave. */
interface Reply {
  readonly ttl?: number;
  readonly addresses?: readonly string[];
  readonly rcode?: number;
  readonly silent?: boolean;
  readonly truncated?: boolean;
  readonly forged?: boolean;
}
type Handler = (server: string, name: string, type: 1 | 28, transport: 'udp' | 'tcp', count: number) => Reply;

let dir = '';
before(() => {
  dir = mkdtempSync(join(tmpdir(), 'mobiked-resolver-'));
});
after(() => rmSync(dir, { recursive: true, force: true }));

/** A name server of the test, written apart from the codec: it copies the question and appends records. */
function respond(query: Buffer, reply: (name: string, type: 1 | 28) => Reply): Buffer[] {
  let at = 12;
  const labels: string[] = [];
  for (let length = query[at] ?? 0; length > 0; length = query[at] ?? 0) {
    labels.push(query.toString('latin1', at + 1, at + 1 + length));
    at += length + 1;
  }
  const type = query.readUInt16BE(at + 1) === 28 ? 28 : 1;
  const { addresses = [], rcode = 0, silent = false, truncated = false, forged = false, ttl = 60 } = reply(labels.join('.'), type);
  if (silent) return [];
  const records = addresses.map((text) => {
    const data = type === 1 ? Buffer.from(text.split('.').map(Number)) : Buffer.from(text, 'hex');
    const head = Buffer.from('c00c000000010000000000', 'hex');
    const record = Buffer.alloc(12 + data.length);
    head.copy(record);
    record.writeUInt16BE(type, 2);
    record.writeUInt32BE(ttl, 6);
    record.writeUInt16BE(data.length, 10);
    data.copy(record, 12);
    return record;
  });
  const header = Buffer.from(query.subarray(0, 12));
  header.writeUInt16BE(0x8180 | rcode | (truncated ? 0x0200 : 0), 2);
  header.writeUInt16BE(records.length, 6);
  const message = Buffer.concat([header, query.subarray(12, at + 5), ...records]);
  if (!forged) return [message];
  const wrong = Buffer.from(message);
  wrong.writeUInt16BE(query.readUInt16BE(0) ^ 1, 0);
  return [wrong, Buffer.from([1]), message];
}

/** Servers on 127.0.0.1, .2 and .3, all on one port, UDP and TCP. */
async function bench(handler: Handler, setup: Partial<ResolverSetup> = {}) {
  const udp: UdpSocket[] = [];
  const tcp: Server[] = [];
  const asked: string[] = [];
  const open = async (): Promise<number> => {
    let port = 0; // the first listener's
    for (const address of ['127.0.0.1', '127.0.0.2', '127.0.0.3']) {
      const say = (transport: 'udp' | 'tcp') => (name: string, type: 1 | 28): Reply => {
        asked.push(`${address} ${transport} ${type === 1 ? 'A' : 'AAAA'} ${name}`);
        return handler(address, name, type, transport, asked.length);
      };
      const server = createServer((socket) => {
        socket.on('error', () => undefined);
        socket.on('data', (bytes) => {
          for (const message of respond(bytes.subarray(2), say('tcp'))) {
            const length = Buffer.alloc(2);
            length.writeUInt16BE(message.length);
            const whole = Buffer.concat([length, message]);
            socket.write(whole.subarray(0, 5));
            setImmediate(() => socket.write(whole.subarray(5)));
          }
        });
      });
      const socket = createSocket('udp4');
      await new Promise<void>((done, failed) => {
        server.once('error', failed);
        server.listen(port, address, done);
      });
      if (port === 0) port = (server.address() as { port: number }).port;
      await new Promise<void>((done, failed) => {
        socket.once('error', failed);
        socket.bind(port, address, done);
      });
      socket.on('message', (bytes, from) => {
        for (const message of respond(bytes, say('udp'))) socket.send(message, from.port, from.address);
      });
      udp.push(socket);
      tcp.push(server);
    }
    return port;
  };
  const port = await open();
  const bound: number[] = [];
  writeFileSync(join(dir, 'hosts'), '127.0.0.9 local.example other # comment\n::1 LOCAL.example\nnonsense\n');
  writeFileSync(join(dir, 'resolv.conf'), '# made by a test\nnameserver fe80::1%eth0\nnameserver\t127.0.0.2\noptions x\n');
  const resolver = createResolverPort({
    port, hostsFile: join(dir, 'hosts'), resolvConf: join(dir, 'resolv.conf'),
    connectTcp: (target, signal) => new Promise((done, failed) => {
      bound.push(target.ifindex);
      const socket = connect({ host: target.address, port: target.port, signal });
      socket.once('connect', () => done(socket));
      socket.once('error', failed);
    }),
    ...setup,
  });
  let opId = 0;
  return {
    resolver, asked, bound,
    ask: (name: string, servers: readonly string[] = ['127.0.0.1'], changes: Partial<EffectOf<'resolver.resolve'>> = {}): Promise<Answer> =>
      new Promise((done) => resolver.perform(
        { type: 'resolver.resolve', opId: ++opId, name, servers: servers.map((s) => ip(s)) as IpAddress[], ifindex: 0, mark: 0, ...changes },
        (input) => done(input as Answer))),
    end: () => {
      resolver.close();
      for (const socket of udp) socket.close();
      for (const server of tcp) server.close();
    },
  };
}

const both: Handler = (_server, _name, type) => ({ addresses: type === 1 ? ['198.51.100.1'] : ['20010db8000000000000000000000001'], ttl: type === 1 ? 60 : 30 });

test('both families are asked at once; IPv4 first, the smaller TTL', async () => {
  const b = await bench(both);
  assert.deepEqual(await b.ask('hub.example'), { type: 'resolver.answered', opId: 1, addresses: ['198.51.100.1', '2001:db8::1'], ttl: 30_000, why: undefined });
  assert.deepEqual(b.asked.sort(), ['127.0.0.1 udp A hub.example', '127.0.0.1 udp AAAA hub.example']);
  b.end();
});

test('a question bound to a device goes over UDP through a socket of the addon, whichever device that is', async () => {
  const native = new NativeHost();
  const b = await bench(both, { openUdp: (family, ifindex, mark) => native.addon.udpSocket(native.handle, family, ifindex, mark, new Uint8Array(0)) });
  try {
    assert.deepEqual((await b.ask('hub.example', ['127.0.0.1'], { ifindex: LOOPBACK })).addresses, ['198.51.100.1', '2001:db8::1']);
    assert.deepEqual(b.asked.sort(), ['127.0.0.1 udp A hub.example', '127.0.0.1 udp AAAA hub.example']);
    assert.match((await b.ask('hub.example', ['127.0.0.1'], { ifindex: 9999 })).why ?? '', /device 9999|ENODEV/);
  } finally {
    b.end();
    native.close();
  }
});

test('addresses and names of the hosts file ask nobody; no servers means those of resolv.conf', async () => {
  const b = await bench(both);
  assert.deepEqual((await b.ask('192.0.2.7')).addresses, ['192.0.2.7']);
  assert.deepEqual((await b.ask('Local.Example.')).addresses, ['127.0.0.9', '::1']);
  assert.equal(b.asked.length, 0);
  await b.ask('hub.example', []);
  assert.ok(b.asked.length > 0 && b.asked.every((line) => line.startsWith('127.0.0.2 ')), b.asked.join());
  const none = createResolverPort({ connectTcp: () => Promise.reject(new Error('no')), hostsFile: '/nonexistent', resolvConf: '/nonexistent' });
  const answer = await new Promise((done) => none.perform({ type: 'resolver.resolve', opId: 1, name: 'x', servers: [], ifindex: 0, mark: 0 }, done));
  assert.deepEqual(answer, { type: 'resolver.answered', opId: 1, addresses: [], ttl: 0, why: 'no name server' });
  b.end();
});

test('NXDOMAIN is the answer; SERVFAIL and silence go on to the next server', async () => {
  const b = await bench((server, name, type) =>
    name === 'gone.example' ? { rcode: 3 } : server === '127.0.0.1' ? { rcode: 2 } : server === '127.0.0.2' ? { silent: true } : both(server, name, type, 'udp', 0));
  const gone = await b.ask('gone.example', ['127.0.0.3', '127.0.0.1']);
  assert.deepEqual([gone.addresses, gone.why], [[], 'NXDOMAIN']);
  assert.ok(b.asked.every((line) => line.startsWith('127.0.0.3')));
  const started = performance.now();
  assert.deepEqual((await b.ask('hub.example', ['127.0.0.1', '127.0.0.2', '127.0.0.3'])).addresses, ['198.51.100.1', '2001:db8::1']);
  assert.ok(performance.now() - started < 2500, 'a third of the time for each round');
  b.end();
});

test('every server silent: an answer after 5 s, each asked twice; a refused port is noticed at once', async () => {
  const b = await bench(() => ({ silent: true }));
  const started = performance.now();
  const answer = await b.ask('hub.example', ['127.0.0.1', '127.0.0.2']);
  const took = performance.now() - started;
  assert.deepEqual([answer.addresses, answer.why], [[], 'no answer within 5 s']);
  assert.ok(took > 4900 && took < 5600, `${took}`);
  assert.equal(b.asked.filter((line) => line.includes(' A ')).length, 4);
  const refused = performance.now();
  const nobody = await b.ask('hub.example', ['127.0.0.77']);
  assert.match(String(nobody.why), /ECONNREFUSED/);
  assert.ok(performance.now() - refused < 1000);
  b.end();
});

test('one family without an answer does not hold the other back; a forged answer is passed over', async () => {
  const b = await bench((_server, _name, type) => (type === 28 ? { silent: true } : { addresses: ['198.51.100.1'], forged: true }));
  const started = performance.now();
  assert.deepEqual((await b.ask('hub.example')).addresses, ['198.51.100.1']);
  assert.ok(performance.now() - started < 1000);
  b.end();
});

test('a name without addresses, and one that is no name, are answered with the reason', async () => {
  const b = await bench(() => ({ addresses: [] }));
  assert.deepEqual((await b.ask('empty.example')).why, 'the name has no address');
  assert.deepEqual((await b.ask('a..b')).why, 'empty label');
  b.end();
});

test('RFC 7766 §5: a truncated answer is asked for again over TCP, in pieces if need be', async () => {
  const b = await bench((server, name, type, transport, count) => (transport === 'udp' ? { truncated: true } : both(server, name, type, transport, count)));
  assert.equal((await b.ask('hub.example')).addresses.length, 2);
  assert.equal(b.asked.filter((line) => line.includes(' tcp ')).length, 2);
  b.end();
});

test('bound to a device: over TCP on that device while the addon makes no UDP socket; a refused device is a reason', async () => {
  const b = await bench(both);
  assert.equal((await b.ask('hub.example', ['127.0.0.1'], { ifindex: 3, mark: 7 })).addresses.length, 2);
  assert.deepEqual([b.bound, b.asked.every((line) => line.includes(' tcp '))], [[3, 3], true]);
  b.end();
  const refused = await bench(both, { openUdp: () => -19 });
  assert.match(String((await refused.ask('hub.example', ['127.0.0.1'], { ifindex: 3 })).why), /device 3: errno 19/);
  assert.deepEqual(refused.asked, []);
  refused.end();
});

test('closing ends what runs, without a late answer', async () => {
  const b = await bench(() => ({ silent: true }));
  let answered = false;
  void b.ask('hub.example').then(() => {
    answered = true;
  });
  b.end();
  await new Promise((done) => setTimeout(done, 50));
  assert.equal(answered, false);
});
