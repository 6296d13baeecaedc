// The plane behind the effects of the plane in user space: what it asks of a driver, one request at a time, and what it makes of the counters.
import { test } from 'node:test';
import assert from 'node:assert/strict';
import { instant, ip, Secret, type Path } from '../../src/base/index.ts';
import { XfrmPlane, type XfrmCount, type XfrmEffect, type XfrmOp } from '../../src/kernel/index.ts';
import type { EspEffect, EspInput, EspReport, EspSa } from '../../src/ports/index.ts';

const ANY = { protocol: 0, startPort: 0, endPort: 65_535 };
const HUB = { address: ip('203.0.113.1'), port: 4500 };
const at = (address: string, ifindex = 2): Path => ({ uplink: `if${ifindex}`, ifindex, local: { address: ip(address), port: 4500 }, remote: HUB });
const [WAN, LTE] = [at('192.0.2.10'), at('198.51.100.10', 3)];

const sa = (handle: number, direction: 'in' | 'out', child = 7): EspSa => ({
  handle, bundle: 1, child, direction, spi: (0x1000 + handle) as EspSa['spi'], cipher: 'aes-gcm-16', key: new Secret(new Uint8Array(36)), integ: undefined, esn: true,
  local: [{ ...ANY, start: ip('10.1.0.0'), end: ip('10.1.0.255') }], remote: [{ ...ANY, start: ip('10.2.0.0'), end: ip('10.2.0.255') }],
});
const add = (handle: number, direction: 'in' | 'out', child = 7): EspEffect => ({ type: 'esp.sa.add', sa: sa(handle, direction, child) });
const use = (handle: number): EspEffect => ({ type: 'esp.sa.use', handle });
const to = (path: Path | undefined, encapsulation: 'udp' | 'none' = 'udp'): EspEffect => ({ type: 'esp.path.set', bundle: 1, path, encapsulation, mtu: 1400 });
const UP: readonly EspEffect[] = [to(WAN), add(1, 'in'), add(2, 'out'), use(2)];

/** A driver that does what it is asked, except for what `refuses` says. */
class Driver {
  now = 1000;
  readonly plane = new XfrmPlane((path) => path.ifindex);
  refuses: (op: XfrmOp) => number = () => 0;
  readonly did: string[] = [];
  readonly told: EspInput[] = [];

  do(...effects: readonly EspEffect[]): this {
    for (const effect of effects) this.run(this.plane.handle(effect));
    return this;
  }

  run(effects: readonly XfrmEffect[]): void {
    for (const effect of effects) {
      assert.equal(effect.type, 'xfrm.apply');
      if (effect.type !== 'xfrm.apply') continue;
      const failures = effect.ops.flatMap((op) => {
        const errno = this.refuses(op);
        this.did.push(`${op.op}${'state' in op ? ` ${op.state.esp.handle} ${op.state.source}${op.state.encapsulation ? ' udp' : ''}` : ` ${op.policy.direction}${op.policy.template ? '' : ' block'}`}${errno === 0 ? '' : ` refused ${errno}`}`);
        return errno === 0 ? [] : [{ op, errno }];
      });
      this.run(this.plane.on({ type: 'xfrm.applied', failures }, instant(this.now)).effects);
    }
  }

  count(...states: readonly XfrmCount[]): EspReport {
    this.now += 200;
    assert.deepEqual(this.plane.handle({ type: 'esp.poll' }), [{ type: 'xfrm.count' }]);
    assert.deepEqual(this.plane.handle({ type: 'esp.poll' }), [], 'one at a time');
    const { inputs } = this.plane.on({ type: 'xfrm.counted', states }, instant(this.now));
    const report = inputs.pop();
    this.told.push(...inputs);
    assert.ok(report?.type === 'esp.polled');
    return report.report;
  }

  take(): string[] {
    return this.did.splice(0);
  }
}

test('K-1: SAs that come, are used and move: the requests that follow', () => {
  const driver = new Driver().do(...UP);
  assert.deepEqual(driver.take(), ['state.add 1 203.0.113.1 udp', 'policy.set in block', 'policy.set fwd block', 'policy.set out block', 'state.add 2 192.0.2.10 udp', 'policy.set in', 'policy.set fwd', 'policy.set out']);
  driver.do(to(LTE));
  assert.deepEqual(driver.take().filter((line) => line.startsWith('state')), ['state.move 1 203.0.113.1 udp', 'state.move 2 198.51.100.10 udp']);
  driver.do(to(LTE, 'none'));
  assert.deepEqual(driver.take(), ['state.update 1 203.0.113.1', 'state.update 2 198.51.100.10']);
  driver.do(to(undefined));
  assert.deepEqual(driver.take(), ['policy.set in block', 'policy.set fwd block', 'policy.set out block'], 'held: the states stay, with their counters');
  driver.do(to(LTE, 'none'));
  assert.deepEqual(driver.take(), ['policy.set in', 'policy.set fwd', 'policy.set out']);
  driver.do({ type: 'esp.sa.remove', handle: 1 }, { type: 'esp.sa.remove', handle: 2 });
  assert.deepEqual(driver.take().filter((line) => line.startsWith('state')), ['state.delete 1 203.0.113.1', 'state.delete 2 198.51.100.10']);
  assert.deepEqual(driver.plane.setGuards([]), [], 'nothing is left');
});

test('K-1: what is asked while a request is under way follows it, as one difference', () => {
  const plane = new XfrmPlane(() => 0);
  const [first] = plane.setGuards([{ local: [{ address: ip('10.1.0.0'), length: 24 }], remote: [{ address: ip('10.2.0.0'), length: 24 }] }]);
  assert.equal(first?.type === 'xfrm.apply' && first.ops.length, 3);
  assert.deepEqual(UP.flatMap((effect) => plane.handle(effect)), []);
  const { effects } = plane.on({ type: 'xfrm.applied', failures: [] }, instant(1000));
  assert.deepEqual(effects.map((effect) => effect.type === 'xfrm.apply' && effect.ops.map(({ op }) => op)), [['state.add', 'state.add', 'policy.set', 'policy.set', 'policy.set']]);
});

test('K-1: what the kernel refuses is told, not taken for done, and asked again after five seconds', () => {
  const driver = new Driver();
  driver.refuses = (op) => (op.op === 'state.add' && op.state.esp.direction === 'in' ? 12 : 0);
  driver.do(to(WAN), add(1, 'in'));
  assert.deepEqual(driver.take(), ['state.add 1 203.0.113.1 udp refused 12']);
  assert.equal(driver.plane.deadline, 6000);
  assert.deepEqual(driver.plane.tick(instant(5999)), []);
  driver.refuses = () => 0;
  driver.run(driver.plane.tick(instant(6000)));
  assert.deepEqual([driver.take(), driver.plane.deadline], [['state.add 1 203.0.113.1 udp'], undefined]);
});

test('M3.7-2: the kernel cannot bound what goes to a peer that has not shown to be there: nothing goes until it has', () => {
  const driver = new Driver().do(...UP);
  driver.take();
  driver.do({ type: 'esp.bound', bundle: 1, bounded: true });
  assert.deepEqual(driver.take(), ['policy.set in block', 'policy.set fwd block', 'policy.set out block']);
  driver.do({ type: 'esp.bound', bundle: 1, bounded: false });
  assert.deepEqual(driver.take(), ['policy.set in', 'policy.set fwd', 'policy.set out']);
});

test('K-4: counters become the report: what grew since the last poll came, or went, on the path of now; the first packet of an SA is told', () => {
  const driver = new Driver().do(...UP);
  const row = (handle: number, packets: number): XfrmCount => ({ handle, packets, bytes: packets * 100, sequence: packets });
  assert.deepEqual(driver.count(row(1, 0), row(2, 3)).bundles, [{ bundle: 1, sent: 3, lastSent: 1200, lastAny: 1200, inbound: [] }]);
  const { bundles, sas } = driver.count(row(1, 2), row(2, 3), row(9, 5));
  assert.deepEqual(bundles, [{ bundle: 1, sent: 3, lastSent: 1200, lastAny: 1200, inbound: [{ ifindex: 2, local: WAN.local, remote: HUB, packets: 2, last: 1400, ahead: 1400 }] }]);
  assert.deepEqual(sas, [row(1, 2), row(2, 3)], 'a state that is not ours is nobody\'s');
  assert.deepEqual(driver.told, [{ type: 'esp.firstInbound', handle: 1 }]);
  driver.do(to(LTE, 'none'));
  const [bundle] = driver.count(row(1, 5), row(2, 4)).bundles;
  assert.deepEqual(bundle?.inbound.map(({ local, remote, packets, last }) => [local.address, local.port, remote.port, packets, last]), [['192.0.2.10', 4500, 4500, 2, 1400], ['198.51.100.10', 0, 0, 3, 1600]]);
  assert.deepEqual([driver.told.length, bundle?.sent, bundle?.lastSent], [1, 4, 1600]);
  for (let n = 0; n < 12; n++) driver.do(to(at(`192.0.2.${100 + n}`))).count(row(1, 6 + n));
  assert.equal(driver.count().bundles[0]?.inbound.length, 8, 'a peer that moves much costs no memory');
});
