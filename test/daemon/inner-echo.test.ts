import { test } from 'node:test';
import assert from 'node:assert/strict';
import { instant, ip, parsePrefix, toHex, type AddressFact, type Instant, type IpPrefix } from '../../src/base/index.ts';
import type { ChildConfig } from '../../src/config/index.ts';
import { echoRequest, echoSource, InnerEcho } from '../../src/daemon/inner-echo.ts';
import { parseInner } from '../../src/esp/index.ts';

const sum = (bytes: Uint8Array): number => {
  let total = 0;
  for (let i = 0; i < bytes.length; i += 2) total += ((bytes[i] ?? 0) << 8) | (bytes[i + 1] ?? 0);
  while (total > 0xffff) total = (total & 0xffff) + (total >>> 16);
  return total;
};

test('F-3 RFC 792 RFC 4443 §4.1: an echo request with both checksums right', () => {
  const four = echoRequest(ip('10.1.0.1'), ip('10.2.0.1'), 258);
  assert.equal(four.length, 28);
  assert.deepEqual([sum(four.subarray(0, 20)), sum(four.subarray(20))], [0xffff, 0xffff]);
  assert.equal(toHex(four.subarray(24)), '6d6b0102');
  const six = echoRequest(ip('fd00:1::1'), ip('fd00:2::1'), 65_537);
  assert.equal(six.length, 48);
  assert.equal(sum(new Uint8Array([...six.subarray(8, 40), 0, 0, 0, 8, 0, 0, 0, 58, ...six.subarray(40)])), 0xffff);
  assert.equal(toHex(six.subarray(44)), '6d6b0001');
  for (const [packet, protocol, kind] of [[four, 1, 8], [six, 58, 128]] as const) {
    const read = parseInner(packet);
    assert.deepEqual([read?.protocol, read?.length, (read?.ports?.source ?? 0) >>> 8], [protocol, packet.length, kind]);
  }
});

const prefixes = (...all: string[]): IpPrefix[] => all.map((text) => parsePrefix(text) as IpPrefix);
const child = (local: string[], remote: string[]): ChildConfig => ({ name: 'lan', connection: 'hq', localTs: prefixes(...local), remoteTs: prefixes(...remote), espProposals: [] });
const has = (address: string, tentative = false): AddressFact => ({ ifindex: 3, address: ip(address), prefixLength: 24, tentative, deprecated: false, secondary: false, global: true });

test('F-3: it is asked from a virtual address, else from one of ours that the child has, of the right family', () => {
  const children = [child(['10.9.0.0/24'], ['10.8.0.0/24']), child(['10.1.0.0/24', 'fd00:1::/64'], ['10.2.0.0/24', 'fd00:2::/64'])];
  const own = [has('192.0.2.10'), has('10.9.0.1'), has('10.1.0.9', true), has('10.1.0.1'), has('fd00:1::1')];
  assert.equal(echoSource(ip('10.2.0.1'), children, [], own), '10.1.0.1');
  assert.equal(echoSource(ip('fd00:2::1'), children, [], own), 'fd00:1::1');
  assert.equal(echoSource(ip('10.2.0.1'), children, [ip('fd00:5::7'), ip('10.5.0.7')], own), '10.5.0.7');
  assert.equal(echoSource(ip('10.2.0.1'), children, [], own.slice(0, 2)), undefined);
});

/** Polls five times a second. */
class Line {
  now = 10_000;
  readonly echo = new InnerEcho();
  sent = 0;
  lastInbound: Instant | undefined;
  readonly asked: number[] = [];

  run(ms: number, { out = 0, answered = false } = {}): number[] {
    this.asked.length = 0;
    for (const end = this.now + ms; this.now < end;) {
      this.now += 200;
      this.sent += out;
      if (answered) this.lastInbound = instant(this.now - 5);
      const number = this.echo.polled(1, { sent: this.sent, lastInbound: this.lastInbound }, instant(this.now));
      if (number === undefined) continue;
      this.asked.push(number);
      this.sent++;
    }
    return [...this.asked];
  }
}

test('F-3: after a tunnel came up or moved it is asked once a second until something comes in, ten times at most', () => {
  const line = new Line();
  assert.deepEqual(line.run(5000), [], 'nothing is in question');
  line.echo.begin(1);
  assert.deepEqual(line.run(3000), [1, 2, 3]);
  assert.deepEqual(line.run(1000, { answered: true }), []);
  assert.deepEqual(line.run(20_000), [], 'an idle line is left alone');
  line.echo.begin(1);
  assert.equal(line.run(60_000).length, 10);
});

test('F-3: packets that go out unanswered are asked about once a second; a conversation is not', () => {
  const line = new Line();
  assert.deepEqual(line.run(5000, { out: 10, answered: true }), []);
  const asked = line.run(5000, { out: 10 });
  assert.ok(asked.length >= 4 && asked.length <= 5, String(asked));
  line.echo.forget(1);
  assert.deepEqual(line.run(400, { out: 1 }), [1], 'another life');
});
