// NAT keepalives, on an IKE SA alone.
import { test } from 'node:test';
import assert from 'node:assert/strict';
import { instant, millis, pathKey, seconds, type Instant } from '../../../src/base/index.ts';
import type { IkeSa } from '../../../src/ike/ike-sa.ts';
import type { KeepalivePlan } from '../../../src/ike/index.ts';
import { natHash } from '../../../src/ike/nat.ts';
import { idleTime, keepaliveDue, keepMapping, lastOut, silentSince } from '../../../src/ike/tasks/keepalive.ts';
import { livenessTask } from '../../../src/ike/tasks/liveness.ts';
import { connection } from '../pair.ts';
import { Alone, alone, natTold, raced, WAN } from '../lone.ts';

const at = (ms: number): Instant => instant(ms);

/** An established SA behind a NAT that last sent at 90 s; it is 100 s now. */
function scene(plan: Partial<KeepalivePlan> | undefined, role: 'initiator' | 'responder' = 'initiator'): { around: Alone; sa: IkeSa } {
  const around = new Alone();
  around.host.keepalive = (uplink) => (plan && uplink === 'wan' ? { interval: seconds(20), check: false, aligned: false, ...plan } : undefined);
  const sa = around.sa({ mobikeRole: role });
  sa.natLocal = true;
  sa.lastSent = at(90_000);
  return { around, sa };
}

test('NK-4: the silence lasts the interval, a tenth more or less, drawn anew for each; on a metered uplink to the next multiple for all', () => {
  for (const [octet, least, most] of [[0x00, 108_000, 108_001], [0xff, 111_999, 112_000], [0x80, 109_999, 110_100]] as const) {
    const { around, sa } = scene({});
    around.fill = { keepalive: octet };
    const due = keepaliveDue(sa, around.ctx) ?? 0;
    assert.ok(due >= least && due <= most, `${octet}: ${due}`);
    assert.equal(keepaliveDue(sa, around.ctx), due, 'one draw for one silence');
    assert.equal(around.labels.length, 1);
    keepMapping(sa, around.ctx);
    keepaliveDue(sa, around.ctx);
    assert.equal(around.labels.length, 2);
  }
  const { around, sa } = scene({ aligned: true });
  for (const [last, due] of [[90_000, 100_000], [99_999, 100_000], [100_000, 120_000], [80_000, 100_000]] as const) {
    sa.lastSent = at(last);
    assert.equal(keepaliveDue(sa, around.ctx), due, String(last));
  }
  assert.equal(around.labels.length, 0);
});

// Found by random world 20298: five times such an interval divided by it is less than five, and the keepalive was due for ever at the moment it was sent.
test('NK-4: the next moment of an uplink is after this one, whatever the interval', () => {
  const interval = millis(30_399.6153125);
  const { around, sa } = scene({ aligned: true, interval });
  for (let n = 1; n < 2000; n++) {
    const last = at(n * interval);
    sa.lastSent = last;
    const due = keepaliveDue(sa, around.ctx) ?? last;
    assert.ok(due > last && due <= last + interval + 1, `${n}: ${due} after ${last}`);
  }
});

test('NK-2: any packet that left counts, ESP too; none is due without a NAT before us, or before the SA is up', () => {
  const { around, sa } = scene({ aligned: true });
  sa.traffic = { lastInbound: at(95_000), lastOutbound: undefined, lastAny: at(93_000) };
  sa.lastIke = at(94_000);
  assert.deepEqual([lastOut(sa), silentSince(sa)], [93_000, 95_000]);
  sa.lastIke = at(97_000);
  assert.equal(silentSince(sa), 97_000);
  assert.equal(keepaliveDue(sa, around.ctx), 100_000);
  sa.natLocal = false;
  assert.equal(keepaliveDue(sa, around.ctx), undefined);
  sa.natLocal = true;
  sa.state = 'rekeyed';
  assert.equal(keepaliveDue(sa, around.ctx), undefined);
});

test('NK-1: one octet; a check instead where octets are cheap or a check is near, and MOBIKE has an initiator that asks', () => {
  const kept = (plan: Partial<KeepalivePlan> | undefined, change: (sa: IkeSa) => void = () => undefined, role: 'initiator' | 'responder' = 'initiator'): string => {
    const { around, sa } = scene(plan, role);
    sa.lastIke = at(50_000);
    change(sa);
    keepMapping(sa, around.ctx);
    const sent = around.effects.flatMap((e) => (e.type === 'packet.send' ? [e.bytes] : []));
    if (sent.length === 0) return sa.exchanges.has('liveness') ? 'check' : 'nothing';
    assert.deepEqual([sent, sa.lastSent], [[Uint8Array.of(0xff)], 100_000]);
    return 'octet';
  };
  assert.equal(kept({ check: true }), 'check');
  assert.equal(kept({}), 'octet', 'a check is due in 10 s, a quarter of the interval is 5 s');
  assert.equal(kept({}, (sa) => (sa.lastIke = at(45_000))), 'check');
  assert.equal(kept({}, (sa) => (sa.lastIke = at(45_001))), 'octet');
  assert.equal(kept(undefined), 'octet', 'of an uplink nobody spoke of');
  assert.equal(kept({ check: true }, undefined, 'responder'), 'octet');
  assert.equal(kept({ check: true }, (sa) => (sa.mobility.supported = false)), 'octet');
  assert.equal(kept({ check: true }, (sa) => sa.exchanges.enqueue(livenessTask(undefined))), 'octet', 'something is asked already');
});

test('the idle time before a check is the user\'s, else never shorter than the interval, and a multiple of it on a metered uplink', () => {
  const idle = (plan: Partial<KeepalivePlan> | undefined, change: (sa: IkeSa) => void = () => undefined): number => {
    const { around, sa } = scene(plan);
    change(sa);
    return idleTime(sa, around.ctx);
  };
  assert.equal(idle(undefined), 60_000);
  assert.equal(idle({}), 60_000);
  assert.equal(Math.round(idle({ interval: seconds(100) })), 110_000);
  assert.equal(idle({ interval: seconds(40), aligned: true }), 80_000);
  assert.equal(idle({ interval: seconds(100), aligned: true }), 100_000);
  assert.equal(idle({ interval: seconds(100) }, (sa) => (sa.connection = connection('initiator', { liveness: millis(30_000), livenessGiven: true }))), 30_000);
  assert.equal(idle({ interval: seconds(100) }, (sa) => (sa.natLocal = false)), 60_000);
});

test('NK-3: the answer to a check shows what the silence before it did to the mapping', () => {
  const seen = (change: (sa: IkeSa) => void, { mapped = 4777, answer = alone(WAN), probe = false } = {}): unknown => {
    const { around, sa } = scene({});
    sa.mobility.mappings.set(pathKey(WAN), natHash(around.suite, sa.spiI, sa.spiR, { ...WAN.local, port: 4777 }));
    sa.lastIke = at(91_000);
    const task = livenessTask(probe ? WAN : undefined);
    task.build(sa, around.ctx);
    around.now += 50;
    change(sa);
    task.onResponse(sa, natTold(around, sa, WAN, { mapped }), answer, around.ctx);
    const event = around.effects.flatMap((e) => (e.type === 'event' && e.event.type === 'mapping.seen' ? [e.event] : []))[0];
    return event && [event.path.uplink, event.since, event.until, event.changed];
  };
  const nothing = (): void => undefined;
  assert.deepEqual(seen(nothing), ['wan', 91_000, 100_000, false]);
  assert.deepEqual(seen(nothing, { mapped: 4778 }), ['wan', 91_000, 100_000, true]);
  assert.equal(seen(nothing, { answer: raced(WAN) }), undefined);
  assert.equal(seen(nothing, { probe: true }), undefined, 'a probe is of another path');
  assert.equal(seen((sa) => sa.mobility.mappings.clear()), undefined, 'nothing to compare with');
  assert.equal(seen(nothing, { mapped: 0 }), undefined, 'there is no NAT any more');
});

test('NK-3: where silences are longer than a young mapping lives, the packet that ends one is followed by an octet 2.5 s later, unless something else left', () => {
  const { around, sa } = scene({ interval: seconds(60), check: true });
  const due = (): number => Math.round(keepaliveDue(sa, around.ctx) ?? 0);
  const sent = (): number => around.effects.splice(0).filter((e) => e.type === 'packet.send').length;
  assert.equal(due(), 102_500, 'the first on a path');
  around.now = 102_500;
  keepMapping(sa, around.ctx);
  assert.deepEqual([sent(), sa.exchanges.has('liveness')], [1, false]);
  assert.ok(due() >= 102_500 + 54_000);
  around.now = due();
  keepMapping(sa, around.ctx);
  assert.ok(sa.exchanges.has('liveness'));
  sa.lastSent = around.time;
  assert.equal(due(), around.now + 2500);
  sa.traffic = { lastInbound: undefined, lastOutbound: undefined, lastAny: at(around.now + 2500) };
  around.now += 3000;
  assert.ok(due() > around.now + 50_000, 'traffic did it');
  const short = scene({ interval: seconds(25), check: true });
  short.sa.lastSent = at(100_000);
  assert.ok((keepaliveDue(short.sa, short.around.ctx) ?? 0) >= 122_500, 'none is needed here');
  keepMapping(short.sa, short.around.ctx);
  short.around.now = 125_000;
  assert.equal(short.around.effects.length, 0);
});
