import { millis, type Instant, type Json, type JsonObject, type Millis } from '../base/index.ts';
import { spanText, type Stamp } from '../report/index.ts';
import type { Explanation } from '../uplink/index.ts';
import type { Decisions, Evidence, Outcome, Remembered } from './decisions.ts';

/** Reasons of a decision in the words of somebody who owns a router; the code stays beside them in the documents. */
const REASONS: { readonly [reason: string]: (from: string, to: string) => string } = {
  no_candidate: () => 'no uplink can be used',
  no_current: () => 'there was no tunnel',
  forced: (_from, to) => `the user chose ${to}`,
  black_hole: (from, to) => `${from} stopped answering and ${to} answered`,
  unanswered: (from) => `${from} never answered`,
  last_resort_over: (from, to) => `${to} has proven itself and ${from} is the last resort`,
  better_metric: (_from, to) => `${to} is preferred and has proven itself`,
  address_lost: (from) => `${from} lost its address`,
  carrier_lost: (from) => `${from} lost its carrier`,
  device_gone: (from) => `the device of ${from} is gone`,
  device_changed: (from) => `${from} got another device`,
  route_lost: (from) => `${from} lost its default route`,
  link_down: (from) => `the device of ${from} was switched off`,
  interface_down: (from) => `the interface ${from} went down`,
  disabled: (from) => `${from} was disabled in the configuration`,
  uplink_removed: (from) => `${from} is gone`,
  unknown_uplink: (from) => `${from} is gone`,
  not_allowed: (from) => `the connection may no longer use ${from}`,
  outside_schedule: (from) => `${from} is outside its schedule`,
  no_common_family: (from) => `${from} has no address the peer could be reached from`,
  down: (from) => `${from} went down`,
  data_blocked: (from) => `${from} carried no data although the peer answered there`,
  peer_address_dead: () => "the peer's address stopped answering and another of its addresses answered",
  peer_addresses: () => 'the peer announced other addresses',
};

const DOWN: { readonly [why: string]: string } = {
  no_device: 'there is no such device', no_carrier: 'no carrier', no_address: 'it has no address', no_route: 'it has no default route', link_down: 'the device is switched off',
  interface_down: 'the interface is down', disabled: 'disabled in the configuration', device_gone: 'the device is gone',
  outside_schedule: 'it is outside its schedule', not_allowed: "the connection's list of uplinks does not have it", no_common_family: 'it has no address of a family that the peer has',
};

const TRIGGERS: { readonly [trigger: string]: string } = {
  'facts.observed': 'the system told it', 'facts.settled': 'the system told it', 'path.answered': 'the peer answered', 'path.unanswered': 'a request was given up',
  'path.doubtful': 'requests stayed without an answer', 'path.blocked': 'no data came through', 'path.refused': 'the peer refused a path', 'path.inbound': 'packets came in', 'switch.requested': 'the user asked', 'connection.using': 'the tunnel was set up or moved',
  'connection.watched': 'the configuration was read', 'clock.told': 'the clock was set', tick: 'time passed', protocol: 'IKE noticed it',
};

/** Of an up uplink, while there is a current one that it is not. */
type Candidate = Explanation['candidates'][number];

/** By metric, and every other one beside a last resort, or beside one outside its schedule. */
const isBetter = (one: Candidate, other: Candidate): boolean => (one.outside !== other.outside ? other.outside : one.lastResort === other.lastResort ? one.metric < other.metric : other.lastResort);

const times = (count: number): string => (count === 1 ? 'once' : `${count} times`);
const named = (uplink: string | undefined): string => uplink ?? 'nothing';

/** `address_lost` as a clause; an unknown code as it is. */
const reasonText = (reason: string | undefined, from: string | undefined, to: string | undefined): string =>
  reason === undefined ? 'nothing is known' : (REASONS[reason]?.(named(from), named(to)) ?? reason);

/** What an uplink lacks to be the one in use; undefined: nothing, it is. */
function lacks(candidate: Candidate, rank: number, explanation: Explanation): string | undefined {
  const { current, forced, candidates } = explanation;
  if (candidate.uplink === current) return undefined;
  if (candidate.refused) return 'not used because the peer refused it';
  if (current === undefined) return rank === 0 ? 'the next attempt begins with it' : `number ${rank + 1} in the next attempt`;
  if (explanation.doubtful !== undefined) return `being tried, since ${current} does not answer`;
  if (forced !== undefined && candidate.uplink !== forced) return `not used because the user chose ${forced}`;
  if (candidate.standing === 'silent') return 'not used because the peer does not answer there';
  if (candidate.standing === 'blocked') return 'not used because it carries no data, although the peer answers there';
  const own = candidates.find((other) => other.uplink === current);
  if (own === undefined) return 'not used yet';
  if (isBetter(candidate, own)) {
    const better = own.outside ? `preferred (${current} is outside its schedule)` : own.lastResort && !candidate.lastResort ? `preferred (${current} is the last resort)` : `preferred (metric ${candidate.metric} against ${own.metric})`;
    if (candidate.waits === 'not_proven') return `${better}, but the peer has not answered there yet`;
    if (candidate.waits === 'hold_down') return `${better}, watched a while before it is taken`;
    if (candidate.waits === 'flapping') return `${better}, but it went ${times(candidate.departures)} in ten minutes, so it is watched longer before it is taken`;
    if (candidate.waits === 'dwell') return `${better}, taken a little after the last move`;
    return `${better}, taken next`;
  }
  if (candidate.lastResort && !own.lastResort) return 'not used because it is the last resort';
  if (candidate.metric > own.metric) return `not used because ${current} (metric ${own.metric}) is preferred`;
  return `not used because ${current} (same metric) works`;
}

/** What is in use, and until when by the user's wish. */
const inUse = (uplink: string, { forced, forcedFor }: Explanation): string => (forced === uplink && forcedFor !== undefined ? `in use, as the user wishes for another ${spanText(millis(Math.max(0, forcedFor)))}` : 'in use');

/** `wwan0: up, answered 12 s ago in 61 ms, not used because wan0 (metric 10) is preferred`. */
function uplinkLine(candidate: Candidate, reason: string): string {
  const { answeredAgo, rttMs, failures } = candidate;
  const answered = answeredAgo === undefined ? (failures > 0 ? '' : 'not asked yet') : `answered ${spanText(answeredAgo)} ago${rttMs === undefined ? '' : ` in ${spanText(rttMs)}`}`;
  const silent = failures === 0 ? '' : `asked ${times(failures)} in vain`;
  return `${candidate.uplink}: ${['up', answered, silent, reason].filter((part) => part !== '').join(', ')}`;
}

/** Why the current path is the current path. */
function whyText(explanation: Explanation, state: string, reason: string, last: Remembered | undefined): string {
  const { current, forced, doubtful, candidates } = explanation;
  if (current === undefined) {
    const waits = candidates.length === 0 ? 'no uplink can be used' : reason;
    return `there is no tunnel (${state})${waits === '' ? '' : `: ${waits}`}`;
  }
  const own = candidates.find((candidate) => candidate.uplink === current);
  if (doubtful !== undefined) return `${current} is in use, but requests there stay without an answer${candidates.length > 1 ? '; the other uplinks are being tried' : '; there is no other uplink'}`;
  if (forced === current) return `${current} is in use because the user chose it${explanation.forcedFor === undefined ? '' : ' for a while'}`;
  if (own === undefined) return `${current} is in use although it is gone; ${candidates.length > 0 ? 'a move is under way' : 'there is no other uplink'}`;
  if (own.outside) return `${current} is in use although it is outside its schedule: no other uplink has answered`;
  const better = candidates.filter((candidate) => isBetter(candidate, own)).map((candidate) => candidate.uplink);
  const came = last !== undefined && last.to === current && last.outcome.state === 'moved' ? ` because ${reasonText(last.reasons[0], last.from, last.to)}` : '';
  if (better.length > 0) return `${current} is in use${came}; ${better.join(' and ')} would be preferred`;
  if (candidates.length === 1) return `${current} is in use${came}: it is the only uplink that can be`;
  if (own.lastResort) return `${current} is in use${came}: no other uplink is preferred to this last resort`;
  return `${current} is in use: no other uplink has a better metric (${own.metric})`;
}

function evidenceText(remembered: Remembered): string {
  const parts: string[] = [];
  const heard = ({ uplink, answeredAgo, rttMs, failures }: Evidence): string => {
    if (failures > 0) return `${uplink} had been asked ${times(failures)} in vain`;
    return answeredAgo === undefined ? `${uplink} had not been asked` : `${uplink} had answered ${spanText(answeredAgo)} before${rttMs === undefined ? '' : ` in ${spanText(rttMs)}`}`;
  };
  if (remembered.unanswered !== undefined) parts.push(`${remembered.unanswered} requests on ${named(remembered.from)} had no answer`);
  if (remembered.left && remembered.left.uplink !== remembered.taken?.uplink && remembered.trigger !== 'protocol' && remembered.left.metric !== undefined) parts.push(heard(remembered.left));
  if (remembered.taken && remembered.trigger !== 'protocol' && remembered.from !== undefined) parts.push(heard(remembered.taken));
  return parts.join(', ');
}

function outcomeText(outcome: Outcome): string {
  switch (outcome.state) {
    case 'pending':
      return 'not confirmed by the peer yet';
    case 'moved':
      return `done in ${spanText(outcome.took)}`;
    case 'established':
      return `set up in ${spanText(outcome.took)}`;
    case 'refused':
      return `the peer refused it after ${spanText(outcome.took)}, and we went back`;
    case 'taken_back':
      return 'taken back: what led to it was over';
    case 'replaced':
      return 'replaced by the next one';
    case 'impossible':
      return 'there was nowhere to go';
    case 'failed':
      return `the tunnel ended first: ${outcome.why}`;
  }
}

function decisionDocument(remembered: Remembered, now: Instant, made: Stamp | undefined): JsonObject {
  const { at, from, to, reasons, trigger, outcome } = remembered;
  const why = reasonText(reasons[0], from, to);
  const evidence = evidenceText(remembered);
  return {
    ...(made === undefined ? {} : { time: made.time, time_synced: made.time_synced }),
    age_ms: Math.max(0, Math.round(now - at)), from: from ?? null, to: to ?? null, reasons: [...reasons], trigger, evidence,
    result: outcome.state, took_ms: 'took' in outcome ? Math.round(outcome.took) : null,
    text: `${from ?? 'none'} -> ${to ?? 'none'}: ${why} (${TRIGGERS[trigger] ?? trigger}${evidence === '' ? '' : `; ${evidence}`}); ${outcomeText(outcome)}`,
  };
}

/** What a connection's explanation is made from. */
export interface ExplainSources {
  readonly now: Instant;
  readonly explanation: Explanation;
  readonly decisions: Decisions;
  /** State of the connection, and its last failure in words. */
  readonly state: string;
  readonly reason: string;
  /** The peer's address on the current path. */
  readonly remote: string | undefined;
  stamp(at: Instant): Stamp | undefined;
}

const rounded = (ms: Millis | undefined): number | null => (ms === undefined ? null : Math.round(ms));
const tenths = (ms: Millis | undefined): number | null => (ms === undefined ? null : Math.round(ms * 10) / 10);

/** The whole explanation: for people in `why`, `uplinks[].text` and `decisions[].text`, for programs beside them. */
export function explainDocument(sources: ExplainSources): JsonObject {
  const { now, explanation, decisions, state, reason, remote } = sources;
  const { connection, decision } = explanation;
  const made = decisions.of(connection);
  const uplinks = explanation.candidates.map((candidate, rank): JsonObject => {
    const { uplink: name, metric, standing, rttMs, answeredAgo, failures, waits, waitsFor } = candidate;
    const missing = lacks(candidate, rank, explanation);
    return {
      name, metric, state: name === explanation.current ? 'current' : standing, why: waits ?? '', waits_ms: rounded(waitsFor), rtt_ms: tenths(rttMs), answered_ms: rounded(answeredAgo), failures_count: failures,
      lacks: missing ?? '',
      text: uplinkLine(candidate, missing === undefined ? inUse(name, explanation) : waitsFor === undefined ? missing : `${missing} (in ${spanText(millis(Math.max(0, waitsFor)))})`),
    };
  });
  const excluded = explanation.excluded.map(({ uplink: name, why }): JsonObject => {
    const words = DOWN[why] ?? why;
    return { name, metric: null, state: 'excluded', why, waits_ms: null, rtt_ms: null, answered_ms: null, failures_count: 0, lacks: words, text: `${name}: cannot be used: ${words}` };
  });
  return {
    connection, state, chosen: explanation.current ?? null, remote: remote ?? null, forced: explanation.forced ?? null, forced_ms: rounded(explanation.forcedFor),
    doubtful: explanation.doubtful ?? null,
    why: whyText(explanation, state, reason, made[0]), reasons: decision?.reasons ?? explanation.verdict.reasons, trigger: decision?.trigger ?? null,
    age_ms: decision === undefined ? null : Math.max(0, Math.round(now - decision.at)), would: { to: explanation.verdict.to ?? null, reasons: explanation.verdict.reasons },
    uplinks: [...uplinks, ...excluded], decisions: made.map((remembered) => decisionDocument(remembered, now, sources.stamp(remembered.at))),
  };
}

/** The same for a retained topic: without the sentences in which time passes, so that it is new only when something happened. */
export function retainedExplanation(document: JsonObject): JsonObject {
  const timeless = (uplink: JsonObject): JsonObject => Object.fromEntries(Object.entries(uplink).filter(([key]) => key !== 'text'));
  return { ...document, uplinks: (document['uplinks'] as readonly Json[]).map((uplink) => timeless(uplink as JsonObject)) };
}
