// Data that does not follow its signalling: what is noticed, what is done about it, in which order, and what is left alone.
import { test } from 'node:test';
import assert from 'node:assert/strict';
import { instant, millis, type Instant } from '../../src/base/index.ts';
import { DataCheck, type Outcome, type Seen } from '../../src/daemon/data-check.ts';

const POLL = 200;

/** A chain that is polled five times a second; every rate is packets a second. */
class Line {
  now = 100_000;
  readonly check = new DataCheck();
  readonly told: string[] = [];
  out = 50;
  in = 50;
  /** The peer answers IKE when it is asked, after a second of silence. */
  ike = true;
  plain = false;
  /** Paths that could be taken, beside the current one. */
  others = 1;
  asked = false;
  peer = 'hub';
  /** Remedies that bring the data back. */
  cure: readonly string[] = [];
  #sent = 0;
  #received = 0;
  #lastInbound: Instant | undefined;
  #silentSince: number | undefined;
  #chain = 1;

  run(ms: number): this {
    for (const end = this.now + ms; this.now < end;) {
      this.now += POLL;
      this.#sent += (this.out * POLL) / 1000;
      this.#received += (this.in * POLL) / 1000;
      if (this.in > 0) [this.#lastInbound, this.#silentSince] = [instant(this.now - 5), undefined];
      else this.#silentSince ??= this.now;
      // Asked after each second of silence, and answered.
      const asked = this.#silentSince === undefined ? 0 : Math.floor((this.now - this.#silentSince) / 1000);
      const lastIke = this.ike && this.#silentSince !== undefined && asked > 0 ? instant(this.#silentSince + asked * 1000 + 20) : undefined;
      const seen: Seen = {
        peer: this.peer, sent: this.#sent, received: this.#received, lastInbound: this.#lastInbound, lastIke, rtt: millis(20), plain: this.plain, alternative: this.others > 0, asked: this.asked,
      };
      this.#note(this.check.polled(this.#chain, seen, instant(this.now)));
    }
    return this;
  }

  /** A new IKE SA takes over. */
  replace(chain: number): void {
    this.check.replaced(this.#chain, chain);
    this.#chain = chain;
    [this.#sent, this.#received, this.#lastInbound] = [0, 0, undefined];
  }

  /** The peer has confirmed a move, and its data follows or not. */
  move(follows: boolean): this {
    this.check.moved(this.#chain, instant(this.now));
    if (!follows) this.in = 0;
    this.#lastInbound = undefined;
    return this;
  }

  #note(outcome: Outcome | undefined): void {
    if (!outcome) return;
    this.told.push(outcome.remedy === undefined ? outcome.kind : `${outcome.kind} ${outcome.remedy}`);
    if (outcome.remedy === 'other_path' && outcome.kind === 'remedy') this.others--;
    if (outcome.kind === 'remedy' && outcome.remedy !== undefined && this.cure.includes(outcome.remedy)) this.in = this.out;
  }
}

test('F-3: ESP vanishes while IKE is answered: UDP encapsulation first, then another path, each once', () => {
  const line = new Line();
  line.plain = true;
  line.run(5000);
  line.in = 0;
  const since = line.now;
  line.run(1900);
  assert.deepEqual(line.told, [], 'not before two seconds');
  line.run(800);
  assert.deepEqual(line.told, ['remedy encapsulate']);
  assert.ok(line.now - since <= 2800);
  line.run(1400);
  assert.deepEqual(line.told, ['remedy encapsulate', 'remedy other_path']);
  line.run(3200);
  assert.deepEqual(line.told.slice(2), ['given_up'], 'the silence is the traffic\'s own');
  line.run(60_000);
  assert.equal(line.told.length, 3);
});

test('F-3: what helped is told, and another silence later begins anew', () => {
  const line = new Line();
  [line.plain, line.cure] = [true, ['encapsulate']];
  line.run(5000);
  line.in = 0;
  line.run(4000);
  assert.deepEqual(line.told, ['remedy encapsulate', 'healed encapsulate']);
  line.run(10_000);
  line.in = 0;
  [line.plain, line.cure] = [false, ['other_path']];
  line.run(4000);
  assert.deepEqual(line.told.slice(2), ['remedy other_path', 'healed other_path']);
});

test('F-3: a one-way upload triggers nothing, whether it always was one, or IKE is not answered, or nothing goes out', () => {
  const upload = new Line();
  upload.in = 0;
  upload.run(60_000);
  const nearly = new Line();
  [nearly.out, nearly.in] = [100, 20]; // one in five: answers to something else
  nearly.run(10_000);
  nearly.in = 0;
  nearly.run(20_000);
  const dead = new Line();
  dead.run(5000);
  [dead.in, dead.ike] = [0, false];
  dead.run(20_000);
  const quiet = new Line();
  quiet.run(5000);
  [quiet.in, quiet.out] = [0, 0];
  quiet.run(20_000);
  const few = new Line();
  [few.in, few.out] = [0.1, 0.1];
  few.run(30_000);
  few.in = 0;
  few.run(30_000);
  assert.deepEqual([upload, nearly, dead, quiet, few].map(({ told }) => told), [[], [], [], [], []]);
});

test('F-3: without UDP to force or another path there is nothing to be done, which is told once', () => {
  const line = new Line();
  line.others = 0;
  line.run(5000);
  line.in = 0;
  line.run(30_000);
  assert.deepEqual(line.told, ['given_up']);
  line.in = 50;
  line.run(5000);
  line.in = 0;
  line.run(5000);
  assert.deepEqual(line.told, ['given_up', 'given_up'], 'packets came in again: it is another silence');
});

test('after a move the ladder: Child SAs rekeyed, a new IKE SA beside the old, then the path; sooner than without a move', () => {
  const line = new Line();
  line.plain = true;
  line.run(5000);
  line.move(false);
  const since = line.now;
  line.run(1000);
  assert.deepEqual(line.told, [], 'not while IKE was just answered: it may have found the reason');
  line.run(800);
  assert.deepEqual(line.told, ['remedy rekey_children']);
  assert.ok(line.now - since <= 1800);
  line.run(10_000);
  assert.deepEqual(line.told, ['remedy rekey_children', 'remedy new_ike_sa', 'remedy encapsulate', 'remedy other_path', 'given_up']);
});

test('after a move that the data follows there is nothing to do, nor when nothing came in before it', () => {
  const follows = new Line();
  follows.run(5000).move(true).run(20_000);
  const upload = new Line();
  upload.in = 0;
  upload.run(5000).move(false).run(20_000);
  assert.deepEqual([follows.told, upload.told], [[], []]);
});

test('what helped a peer after a move comes first the next time, for that peer alone, and for a day', () => {
  const line = new Line();
  line.cure = ['new_ike_sa'];
  line.run(5000).move(false).run(6000);
  assert.deepEqual(line.told, ['remedy rekey_children', 'remedy new_ike_sa', 'healed new_ike_sa']);
  line.run(40_000).move(false).run(6000);
  assert.deepEqual(line.told.slice(3), ['remedy new_ike_sa', 'healed new_ike_sa']);
  line.peer = 'another';
  line.run(40_000).move(false).run(6000);
  assert.deepEqual(line.told.slice(5), ['remedy rekey_children', 'remedy new_ike_sa', 'healed new_ike_sa']);
  line.peer = 'hub';
  line.out = line.in = 0;
  line.now += 25 * 3_600_000;
  line.out = line.in = 50;
  line.run(40_000).move(false).run(6000);
  assert.deepEqual(line.told.slice(8), ['remedy rekey_children', 'remedy new_ike_sa', 'healed new_ike_sa']);
});

test('a silence long after a move is the path\'s; a chain that is forgotten begins without a past', () => {
  const line = new Line();
  line.run(5000).move(true).run(40_000);
  line.in = 0;
  line.run(3000);
  assert.deepEqual(line.told, ['remedy other_path']);
  const gone = new Line();
  gone.run(5000);
  gone.check.forget(1);
  gone.in = 0;
  gone.run(20_000);
  assert.deepEqual(gone.told, []);
});

test('a new IKE SA that brings the data back helped, though its counters begin anew', () => {
  const line = new Line();
  line.run(5000).move(false).run(3800);
  assert.deepEqual(line.told, ['remedy rekey_children', 'remedy new_ike_sa']);
  line.replace(2);
  line.in = 50;
  line.run(1000);
  assert.deepEqual(line.told.slice(2), ['healed new_ike_sa']);
  line.run(40_000).move(false).run(1800);
  assert.deepEqual(line.told.slice(3), ['remedy new_ike_sa']);
  line.check.replaced(7, 8);
});

test('F-3 F-7: with somebody to ask inside, silence means the path: from the first packet on, and under a one-way upload', () => {
  const line = new Line();
  [line.asked, line.in, line.out, line.plain] = [true, 0, 5, true];
  line.run(8000);
  assert.deepEqual(line.told, ['remedy encapsulate', 'remedy other_path', 'given_up'], 'each once');
  const upload = new Line();
  [upload.asked, upload.in] = [true, 1];
  upload.run(30_000);
  assert.deepEqual(upload.told, [], 'an upload whose path answers is left alone');
  upload.in = 0;
  upload.run(5000);
  assert.deepEqual(upload.told, ['remedy other_path']);
});

test('F-3: one path after the other is tried; then, with somebody to ask inside, each that may be taken again', () => {
  for (const asked of [false, true]) {
    const line = new Line();
    [line.asked, line.others] = [asked, 2];
    line.run(5000);
    line.in = 0;
    line.run(15_000);
    assert.deepEqual(line.told, ['remedy other_path', 'remedy other_path', 'given_up']);
    line.others = 1;
    line.run(15_000);
    assert.deepEqual(line.told.slice(3), asked ? ['remedy other_path', 'given_up'] : []);
  }
});
