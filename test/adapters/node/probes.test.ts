// Probes over loopback: the kernel answers echo requests, servers of the test the rest.
import { after, before, test } from 'node:test';
import assert from 'node:assert/strict';
import { createSocket, type Socket as UdpSocket } from 'node:dgram';
import { once } from 'node:events';
import { createServer, type Server, type Socket } from 'node:net';
import { ip, ipBytes, millis, type ProbeTarget } from '../../../src/base/index.ts';
import { NativeHost } from '../../../src/adapters/node/native.ts';
import { createProbePort, nativeEcho, type ProbeSetup } from '../../../src/adapters/node/probes.ts';
import { createResolverPort } from '../../../src/adapters/node/resolver.ts';
import { connectTcp } from '../../../src/adapters/node/tcp.ts';
import type { Input, Port, ProbeEffect, ProbeInput } from '../../../src/ports/index.ts';

/** The kernel numbers the loopback device 1 in every namespace. */
const LOOPBACK = 1;
const HOME = { 4: ip('127.0.0.1'), 6: ip('::1') } as const;

let native: NativeHost;
let raw = true;
before(() => {
  native = new NativeHost();
  const id = native.addon.icmpEcho(native.handle, ipBytes(HOME[4]), ipBytes(HOME[4]), LOOPBACK, 0, new Uint8Array(20));
  raw = id > 0;
  if (raw) native.addon.icmpCancel(native.handle, id);
});
after(() => native.close());

function port(change: Partial<ProbeSetup> = {}): Port<ProbeEffect> {
  const tcp: ProbeSetup['connectTcp'] = (target, signal) => connectTcp(native, target, signal);
  return createProbePort({
    echo: nativeEcho(native), openUdp: (family, ifindex, mark, local) => native.addon.udpSocket(native.handle, family, ifindex, mark, ipBytes(local)), connectTcp: tcp,
    resolver: createResolverPort({ connectTcp: tcp, hostsFile: '/etc/hosts' }), ...change,
  });
}

type Answer = Extract<Input, ProbeInput>;

/** Sends one probe; gives what came, which is one answer. */
function ask(target: ProbeTarget, options: { readonly timeout?: number; readonly family?: 4 | 6; readonly over?: Port<ProbeEffect>; readonly ifindex?: number } = {}): Promise<Answer> {
  const over = options.over ?? port();
  return new Promise((done) => {
    over.perform({ type: 'probe.send', opId: 1, target, ifindex: options.ifindex ?? LOOPBACK, mark: 0, local: HOME[options.family ?? 4], servers: [], timeout: millis(options.timeout ?? 2000) }, (input) => {
      assert.ok(input.type === 'probe.answered' || input.type === 'probe.failed');
      done(input);
    });
  });
}

const why = (answer: Answer): string => (answer.type === 'probe.failed' ? answer.why : 'answered');
const icmp = (address: string): ProbeTarget => ({ type: 'icmp', text: '', address: ip(address) });
const tcp = (number: number): ProbeTarget => ({ type: 'tcp', text: '', address: HOME[4], port: number });
const http = (number: number, host = '127.0.0.1'): ProbeTarget => ({ type: 'http', text: '', host, address: host === '127.0.0.1' ? HOME[4] : undefined, port: number, path: '/generate_204' });

async function listen(serve: (socket: Socket) => void): Promise<{ readonly port: number; readonly close: () => void }> {
  const server: Server = createServer((socket) => {
    socket.on('error', () => undefined);
    serve(socket);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  assert.ok(address !== null && typeof address === 'object');
  return { port: address.port, close: () => void server.close() };
}

for (const family of [4, 6] as const) {
  test(`RFC ${family === 4 ? '792' : '4443 §4'}: the kernel answers an echo request over IPv${family}`, async (t) => {
    if (!raw) return t.skip('raw sockets need CAP_NET_RAW');
    const answer = await ask({ type: 'icmp', text: '', address: HOME[family] }, { family });
    assert.equal(why(answer), 'answered');
    assert.ok(answer.type === 'probe.answered' && answer.took > 0 && answer.took < 1000);
  });
}

test('an echo request nobody answers ends with its time-out, one that cannot leave at once', async (t) => {
  if (!raw) return t.skip('raw sockets need CAP_NET_RAW');
  // A device without the target behind it: the packet goes out of loopback and nobody takes it.
  const begun = performance.now();
  assert.equal(why(await ask(icmp('192.0.2.1'), { timeout: 100 })), 'no_answer');
  assert.ok(performance.now() - begun >= 95);
  const gone = await ask(icmp('127.0.0.1'), { ifindex: 999_999 });
  assert.deepEqual(gone, { type: 'probe.failed', opId: 1, why: 'unsendable', errno: 19 });
});

const TOKEN = Uint8Array.from({ length: 20 }, (_, at) => at + 1);
const REPLY = Uint8Array.of(0, 0, 0xaa, 0xbb, ...TOKEN);
const HEADER = Uint8Array.of(0x45, ...new Uint8Array(19));
for (const [what, bytes, six, want] of [
  ['a reply', [...HEADER, ...REPLY], false, true],
  ['a reply behind IP options', [0x46, ...new Uint8Array(23), ...REPLY], false, true],
  ['a request', [...HEADER, 8, ...REPLY.subarray(1)], false, false],
  ['another code', [...HEADER, 0, 1, ...REPLY.subarray(2)], false, false],
  ['another identifier', [...HEADER, ...REPLY.subarray(0, 4), 9, ...REPLY.subarray(5)], false, false],
  ['other data', [...HEADER, ...REPLY.subarray(0, 23), 9], false, false],
  ['a short one', [...HEADER, ...REPLY.subarray(0, 23)], false, false],
  ['a long one', [...HEADER, ...REPLY, 0], false, false],
  ['no header', [...REPLY], false, false],
  ['a header longer than the packet', [0x4f, ...new Uint8Array(19)], false, false],
  ['a header shorter than any', [0x44, ...new Uint8Array(19), ...REPLY], false, false],
  ['nothing', [], false, false],
  ['an IPv6 reply', [129, 0, 0, 0, ...TOKEN], true, true],
  ['an IPv6 request', [128, 0, 0, 0, ...TOKEN], true, false],
  ['nothing in IPv6', [], true, false],
] as const) {
  test(`RFC 792: what a raw socket gives is ${want ? 'the' : 'not the'} reply: ${what}`, () => assert.equal(native.addon.icmpIsReply(native.handle, Uint8Array.from(bytes), six, TOKEN), want));
}

for (const [rcode, name] of [[0, 'NOERROR'], [2, 'SERVFAIL'], [3, 'NXDOMAIN'], [5, 'REFUSED']] as const) {
  test(`any well-formed answer to our question counts: ${name}`, async () => {
    const server = await dnsServer((query) => {
      const reply = Buffer.from(query);
      reply[2] = 0x81;
      reply[3] = 0x80 | rcode;
      return [reply];
    });
    assert.equal(why(await ask({ type: 'dns', text: '', address: HOME[4], name: 'probe.example' }, { over: port({ dnsPort: server.port }) })), 'answered');
    server.close();
  });
}

test('answers to other questions, and octets that are none, are waited past', async () => {
  const server = await dnsServer((query) => {
    const other = Buffer.from(query);
    other[0] = (other[0] ?? 0) ^ 0xff;
    other[2] = 0x81;
    return [Buffer.alloc(0), Buffer.from([1, 2, 3]), other, query];
  });
  assert.equal(why(await ask({ type: 'dns', text: '', address: HOME[4], name: 'probe.example' }, { timeout: 100, over: port({ dnsPort: server.port }) })), 'no_answer');
  server.close();
});

test('a connection counts, a refusal does not', async () => {
  const server = await listen(() => undefined);
  assert.equal(why(await ask(tcp(server.port))), 'answered');
  server.close();
  const refused = await ask(tcp(server.port));
  assert.deepEqual(refused, { type: 'probe.failed', opId: 1, why: 'refused', errno: 111 });
});

for (const [reply, want] of [
  ['HTTP/1.1 204 No Content\r\n\r\n', 'answered'],
  ['HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\n<html>', 'captive_portal'],
  ['HTTP/1.1 302 Found\r\nLocation: http://login.example/\r\n\r\n', 'captive_portal'],
  ['HTTP/1.1 511 Network Authentication Required\r\n\r\n', 'captive_portal'],
  ['HTTP/1.1 500 Oops\r\n\r\n', 'wrong_answer'],
  ['220 smtp.example ESMTP\r\n', 'wrong_answer'],
  [`HTTP/1.1 204 No Content\r\nX: ${'y'.repeat(100_000)}`, 'wrong_answer'],
  ['HTTP/1.1 20', 'wrong_answer'],
] as const) {
  test(`HTTP: ${JSON.stringify(reply.slice(0, 40))} is ${want}`, async () => {
    let request = '';
    const server = await listen((socket) => socket.on('data', (bytes) => {
      request += String(bytes);
      if (!request.includes('\r\n\r\n')) return;
      // Octet by octet at first: a head comes as it comes.
      for (const char of reply.slice(0, 20)) socket.write(char);
      socket.end(reply.slice(20));
    }));
    assert.equal(why(await ask(http(server.port))), want);
    assert.ok(request.startsWith(`GET /generate_204 HTTP/1.1\r\nHost: 127.0.0.1:${server.port}\r\n`), request);
    server.close();
  });
}

test('a server that says nothing, and one that closes, are no answer', async () => {
  const silent = await listen(() => undefined);
  assert.equal(why(await ask(http(silent.port), { timeout: 100 })), 'no_answer');
  silent.close();
  const closing = await listen((socket) => socket.destroy());
  assert.notEqual(why(await ask(http(closing.port))), 'answered');
  closing.close();
});

test('the name of a host is resolved, and one that has no address fails', async () => {
  const server = await listen((socket) => socket.on('data', () => socket.end('HTTP/1.1 204 No Content\r\n\r\n')));
  const resolver = (addresses: readonly string[]): ProbeSetup['resolver'] => ({
    perform: (effect, deliver) => {
      assert.deepEqual([effect.name, effect.ifindex], ['check.example', LOOPBACK]);
      queueMicrotask(() => deliver({ type: 'resolver.answered', opId: effect.opId, addresses: addresses.map(ip), ttl: millis(0), why: undefined }));
    },
    close: () => undefined,
  });
  assert.equal(why(await ask(http(server.port, 'check.example'), { over: port({ resolver: resolver(['127.0.0.1']) }) })), 'answered');
  assert.equal(why(await ask(http(server.port, 'check.example'), { over: port({ resolver: resolver([]) }) })), 'no_name');
  server.close();
});

test('a cancelled probe is answered once, at once; a closed port answers nothing; there are at most 64', async () => {
  const over = port();
  const said: Input[] = [];
  const silent = await listen(() => undefined);
  const send = (opId: number): void => over.perform({ type: 'probe.send', opId, target: http(silent.port), ifindex: LOOPBACK, mark: 0, local: HOME[4], servers: [], timeout: millis(60_000) }, (input) => said.push(input));
  send(1);
  over.perform({ type: 'probe.cancel', opId: 1 }, () => undefined);
  over.perform({ type: 'probe.cancel', opId: 1 }, () => undefined);
  assert.deepEqual(said, [{ type: 'probe.failed', opId: 1, why: 'no_answer' }]);
  const waiting = createProbePort({ echo: () => undefined, openUdp: () => -1, connectTcp: () => new Promise(() => undefined), resolver: { perform: () => undefined, close: () => undefined } });
  const late: Input[] = [];
  for (let opId = 1; opId <= 65; opId++) waiting.perform({ type: 'probe.send', opId, target: icmp('127.0.0.1'), ifindex: LOOPBACK, mark: 0, local: HOME[4], servers: [], timeout: millis(60_000) }, (input) => late.push(input));
  assert.deepEqual(late, [{ type: 'probe.failed', opId: 65, why: 'unsendable' }]);
  waiting.close();
  over.close();
  assert.equal(late.length, 1);
  silent.close();
});

async function dnsServer(replies: (query: Buffer) => readonly Uint8Array[]): Promise<{ readonly port: number; readonly close: () => void }> {
  const socket: UdpSocket = createSocket('udp4');
  socket.on('message', (query, from) => {
    for (const reply of replies(query)) socket.send(reply, from.port, from.address);
  });
  socket.bind(0, '127.0.0.1');
  await once(socket, 'listening');
  return { port: socket.address().port, close: () => void socket.close() };
}
