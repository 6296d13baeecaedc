// The reachability machine through a table of steps on a virtual clock: targets that answer, do not, or are a portal.
import { test } from 'node:test';
import assert from 'node:assert/strict';
import { instant, ip, millis, seconds, type Millis, type ProbeFailure, type ProbeTarget, type UplinkFacts } from '../../src/base/index.ts';
import { Reachability, type Probing, type ReachInput } from '../../src/uplink/index.ts';

const icmp = (address: string): ProbeTarget => ({ type: 'icmp', text: `icmp ${address}`, address: ip(address) });
const HTTP: ProbeTarget = { type: 'http', text: 'http http://check.example/', host: 'check.example', address: undefined, port: 80, path: '/' };
const A = icmp('198.51.100.1');
const B = icmp('198.51.100.2');
const SIX = icmp('2001:db8::1');

const uplink = (name: string, change: Partial<UplinkFacts> = {}): UplinkFacts => ({
  name, device: name, ifindex: 2, up: true, downReason: undefined, mtu: 1500, addresses: [ip('192.168.1.2')], families: [4], metric: 10, metered: false, dnsServers: [], ...change,
});
const probing = (targets: readonly ProbeTarget[], quorum = 1, interval: Millis = seconds(60)): Probing => ({ targets, quorum, interval });

/** Runs a machine; `say` is what a target answers after 10 ms, or that nothing comes within its time-out. */
class Bench {
  readonly machine = new Reachability();
  now = 0;
  /** Probes and changes, each with its time. */
  log: string[] = [];
  say: (text: string) => 'answered' | ProbeFailure = () => 'answered';
  readonly #later: { readonly at: number; readonly input: ReachInput; readonly uplink: string }[] = [];

  give(input: ReachInput): void {
    for (const effect of this.machine.handle(input, instant(this.now))) {
      if (effect.type === 'target.ask') {
        this.log.push(`${this.now} ${effect.uplink} ${effect.target.text}`);
        const said = this.say(effect.target.text);
        assert.ok(!this.#later.some((one) => one.uplink === effect.uplink), 'one at a time');
        this.#later.push({
          at: this.now + (said === 'no_answer' ? effect.timeout : 10), uplink: effect.uplink,
          input: said === 'answered' ? { type: 'target.answered', uplink: effect.uplink, took: millis(10) } : { type: 'target.failed', uplink: effect.uplink, why: said },
        });
      } else if (effect.type === 'target.leave') {
        this.log.push(`${this.now} ${effect.uplink} leave`);
        const at = this.#later.findIndex((one) => one.uplink === effect.uplink);
        this.#later.splice(at, 1);
      } else this.log.push(`${this.now} ${effect.uplink} is ${effect.reach}${effect.evidence === '' ? '' : `: ${effect.evidence}`}`);
    }
  }

  set(...uplinks: readonly [UplinkFacts, Probing][]): void {
    this.give({ type: 'probing.set', uplinks: uplinks.map(([facts, how]) => ({ facts, probing: how })) });
  }

  /** Runs to `end`, and gives what happened since the last look. */
  to(end: number): string[] {
    for (;;) {
      this.#later.sort((a, b) => a.at - b.at);
      const next = Math.min(this.#later[0]?.at ?? Infinity, this.machine.deadline ?? Infinity);
      if (next > end) break;
      this.now = Math.max(this.now, next);
      const due = this.#later[0];
      if (due !== undefined && due.at <= this.now) {
        this.#later.shift();
        this.give(due.input);
      } else this.give({ type: 'tick' });
    }
    this.now = end;
    const { log } = this;
    this.log = [];
    return log;
  }
}

test('an uplink that is up is asked at once, and every interval while it answers; uplinks begin apart', () => {
  const bench = new Bench();
  bench.set([uplink('wan'), probing([A])], [uplink('lte'), probing([B], 1, seconds(300))]);
  assert.deepEqual(bench.to(1000), ['300 wan icmp 198.51.100.1', '310 wan is reachable: icmp 198.51.100.1: answered in 10 ms', '800 lte icmp 198.51.100.2', '810 lte is reachable: icmp 198.51.100.2: answered in 10 ms']);
  assert.deepEqual(bench.to(60_299), []);
  assert.deepEqual(bench.to(60_300), ['60300 wan icmp 198.51.100.1']);
  assert.deepEqual(bench.to(299_999).filter((line) => line.includes('lte')), []);
  assert.deepEqual(bench.to(300_800).filter((line) => line.includes('lte')), ['300800 lte icmp 198.51.100.2']);
});

test('without targets, and while it is down, nobody is asked', () => {
  const bench = new Bench();
  bench.set([uplink('wan'), probing([])], [uplink('lte', { up: false, addresses: [] }), probing([A])]);
  assert.deepEqual(bench.to(600_000), []);
  assert.equal(bench.machine.deadline, undefined);
  assert.equal(bench.machine.view('wan'), undefined);
  assert.equal(bench.machine.view('lte')?.reach, 'unknown');
});

test('a failed round is repeated after 2 s and 4 s; the third makes it unreachable, then rounds come twice as late each time up to the interval', () => {
  const bench = new Bench();
  bench.say = () => 'refused';
  bench.set([uplink('wan'), probing([A])]);
  const starts = bench.to(120_000);
  assert.deepEqual(starts.slice(0, 4), ['300 wan icmp 198.51.100.1', '2310 wan icmp 198.51.100.1', '6320 wan icmp 198.51.100.1', '6330 wan is unreachable: icmp 198.51.100.1: refused']);
  assert.deepEqual(starts.slice(4).map((line) => line.split(' ')[0]), ['14330', '30340', '62350']);
  assert.deepEqual(bench.to(184_000).map((line) => line.split(' ')[0]), ['122360', '182370']);
  bench.say = () => 'answered';
  assert.deepEqual(bench.to(243_000), ['242380 wan icmp 198.51.100.1', '242390 wan is reachable: icmp 198.51.100.1: answered in 10 ms']);
  assert.equal(bench.machine.view('wan')?.nextAt, 302_380);
});

test('two lost rounds are no news', () => {
  const bench = new Bench();
  let round = 0;
  bench.say = () => (++round % 3 === 0 ? 'answered' : 'no_answer');
  bench.set([uplink('wan'), probing([A])]);
  assert.deepEqual(bench.to(300_000).filter((line) => line.includes(' is ')), ['10310 wan is reachable: icmp 198.51.100.1: answered in 10 ms']);
});

test('the page of a portal counts at once, asked for first, and ends with the login', () => {
  const bench = new Bench();
  bench.say = (text) => (text.startsWith('http') ? 'captive_portal' : 'answered');
  bench.set([uplink('wan'), probing([A, HTTP])]);
  assert.deepEqual(bench.to(400), ['300 wan http http://check.example/', '310 wan is captive: http http://check.example/: captive_portal']);
  bench.say = () => 'answered';
  assert.deepEqual(bench.to(3000), ['2310 wan http http://check.example/', '2320 wan is reachable: http http://check.example/: answered in 10 ms']);
});

test('a quorum of 1 of 2 with a dead target: reachable, and the dead one is asked only when it is needed', () => {
  const bench = new Bench();
  bench.say = (text) => (text === A.text ? 'no_answer' : 'answered');
  bench.set([uplink('wan'), probing([A, B])]);
  assert.deepEqual(bench.to(3000), ['300 wan icmp 198.51.100.1', '2300 wan icmp 198.51.100.2', '2310 wan is reachable: icmp 198.51.100.1: no_answer; icmp 198.51.100.2: answered in 10 ms']);
  assert.deepEqual(bench.to(120_000), ['60300 wan icmp 198.51.100.2']);
  assert.deepEqual(bench.machine.view('wan')?.targets.map(({ outcome }) => outcome), ['no_answer', 'answered']);
});

test('a quorum of 2 of 2 is not met by one, and a round ends when it cannot be', () => {
  const bench = new Bench();
  bench.say = (text) => (text === A.text ? 'refused' : 'answered');
  bench.set([uplink('wan'), probing([A, B], 2)]);
  assert.deepEqual(bench.to(400), ['300 wan icmp 198.51.100.1']);
  assert.deepEqual(bench.to(7000).filter((line) => line.includes(' is ')), ['6350 wan is unreachable: icmp 198.51.100.1: refused; icmp 198.51.100.2: answered in 10 ms']);
});

test('a target of a family that the uplink has not is not asked', () => {
  const bench = new Bench();
  bench.set([uplink('wan'), probing([SIX])]);
  assert.deepEqual(bench.to(7000), ['6300 wan is unreachable: icmp 2001:db8::1: no_address']);
  bench.set([uplink('wan', { addresses: [ip('192.168.1.2'), ip('2001:db8:1::2')] }), probing([SIX])]);
  assert.deepEqual(bench.to(15_000), ['14300 wan icmp 2001:db8::1', '14310 wan is reachable: icmp 2001:db8::1: answered in 10 ms']);
});

for (const [what, change] of [['goes down', { up: false, addresses: [] }], ['gets another address', { addresses: [ip('192.168.9.9')] }], ['gets another device', { ifindex: 9 }]] as const) {
  test(`an uplink that ${what} is unknown again, and what was asked is left`, () => {
    const bench = new Bench();
    bench.set([uplink('wan'), probing([A])]);
    bench.to(1000);
    bench.say = () => 'no_answer';
    bench.to(60_400);
    bench.set([uplink('wan', change), probing([A])]);
    const [leave, ...news] = bench.to(60_400);
    assert.deepEqual([leave, ...news], ['60400 wan leave', '60400 wan is unknown']);
    bench.say = () => 'answered';
    assert.deepEqual(bench.to(61_000).map((line) => line.split(' ')[0]), what === 'goes down' ? [] : ['60700', '60710']);
  });
}

test('other targets, another quorum or pace begin anew; the same do not, and an uplink without targets is forgotten', () => {
  const bench = new Bench();
  bench.set([uplink('wan'), probing([A])]);
  bench.to(1000);
  bench.set([uplink('wan', { metric: 5, addresses: [ip('192.168.1.2'), ip('192.168.1.3')] }), probing([icmp('198.51.100.1')])]);
  assert.deepEqual(bench.to(2000), []);
  bench.set([uplink('wan'), probing([A], 1, seconds(30))]);
  assert.deepEqual(bench.to(2000), ['2000 wan is unknown']);
  bench.set();
  assert.deepEqual(bench.to(100_000), []);
  assert.equal(bench.machine.view('wan'), undefined);
});

test('rounds of a good uplink keep to the beat of the peer, but never come later than half an interval', () => {
  const bench = new Bench();
  bench.set([uplink('wan'), probing([A], 1, seconds(300))]);
  bench.to(3000);
  bench.give({ type: 'peer.asked', uplink: 'wan' });
  assert.equal(bench.machine.view('wan')?.nextAt, 303_000);
  bench.to(200_000);
  bench.give({ type: 'peer.asked', uplink: 'wan' });
  assert.deepEqual(bench.to(200_000), ['200000 wan icmp 198.51.100.1']);
  bench.say = () => 'refused';
  bench.to(500_100);
  bench.give({ type: 'peer.asked', uplink: 'wan' });
  assert.equal(bench.machine.view('wan')?.nextAt, 502_010, 'a doubt is not put off');
});

test('answers nobody waits for change nothing', () => {
  const bench = new Bench();
  bench.set([uplink('wan'), probing([A])]);
  for (const name of ['wan', 'lte']) {
    bench.give({ type: 'target.answered', uplink: name, took: millis(1) });
    bench.give({ type: 'target.failed', uplink: name, why: 'captive_portal' });
    bench.give({ type: 'peer.asked', uplink: name });
  }
  assert.deepEqual(bench.log, []);
  assert.equal(bench.machine.view('wan')?.reach, 'unknown');
});
