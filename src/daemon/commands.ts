import { printable, seconds, type Json, type Millis } from '../base/index.ts';
import { parseDuration } from '../config/index.ts';
import type { IkeInput } from '../ike/index.ts';
import type { StampedEvent } from '../report/index.ts';
import type { CommandResult, Turn } from './context.ts';
import { connectionDocuments, explanationDocument, uplinkDocuments, type DocumentSources } from './documents.ts';
import type { SwitchAsked } from './hub-switch.ts';
import type { Initiator } from './initiator.ts';

export interface CommandHost {
  readonly turn: Turn;
  readonly initiators: ReadonlyMap<string, Initiator>;
  sources(): DocumentSources;
  status(): Json;
  events(): readonly StampedEvent[];
  ike(input: IkeInput): void;
  switchPeers(address: string, connection: string | undefined): SwitchAsked | string;
  /** Forces a connection onto an uplink, for ever or as long as `lasts` says; returns why not. */
  force(connection: string, uplink: string, lasts: Millis | undefined): string | undefined;
}

/** Seconds in a year: who wants an uplink for longer gives no time. */
const LONGEST_WISH = 365 * 86_400;

const done = (data: Json = null): CommandResult => ({ ok: true, data });
const refuse = (error: string): CommandResult => ({ ok: false, error });

const SWITCH_REFUSALS: { readonly [reason: string]: string } = {
  unknown_connection: 'there is no such connection that we initiate',
  unknown_uplink: 'there is no such uplink',
  not_allowed: "the connection's list of uplinks does not have it",
  down: 'the uplink is down',
  outside_schedule: "the uplink's schedule does not allow it now",
  no_common_family: 'the uplink has no address of a family that the peer has',
};

/** A connection or a child of this name, with the chains it concerns. */
function find(name: string, host: CommandHost): { connection: string; child: string | undefined; chains: number[] } | undefined {
  const { config, engine } = host.sources();
  for (const connection of config.connections) {
    if (!connection.enabled) continue;
    const child = connection.name === name ? undefined : connection.children.find((c) => c.name === name);
    if (connection.name === name || child) return { connection: connection.name, child: child?.name, chains: engine.chainsOf(connection.name).map((c) => c.chain) };
  }
  return undefined;
}

/** Runs one command of the control socket or of ubus. */
export function runCommand(command: string, args: { readonly [name: string]: string }, host: CommandHost): CommandResult {
  const named = args['name'] ?? '';
  const target = find(named, host);
  const unknown = (): CommandResult => refuse(`there is no enabled connection or child '${named}'`);
  switch (command) {
    case 'status':
      return done(host.status());
    case 'uplinks':
      return done(uplinkDocuments(host.sources()));
    case 'connections':
      return done(connectionDocuments(host.sources()));
    case 'events':
      return done(JSON.parse(JSON.stringify(host.events())) as Json);
    case 'explain':
      return explain(args['connection'], host);
    case 'reload':
      host.turn.emit({ type: 'config.read' });
      return done();
    case 'up':
    case 'down':
      return target ? upDown(command === 'up', target, host) : unknown();
    case 'rekey':
      if (!target) return unknown();
      if (target.chains.length === 0) return refuse(`connection '${target.connection}' is not up`);
      for (const chain of target.chains) host.ike(target.child === undefined ? { type: 'ike.rekey', chain } : { type: 'child.rekey', chain, child: target.child });
      return done();
    case 'switch':
      return forceUplink(args, host);
    case 'switch-peers': {
      const result = host.switchPeers(args['addr'] ?? '', named === '' ? undefined : named);
      if (typeof result === 'string') return refuse(result);
      const { asked, passed } = result;
      return done({ asked, passed, text: `${asked} ${asked === 1 ? 'peer is' : 'peers are'} asked to come to ${args['addr'] ?? ''}${passed === 0 ? '' : `; ${passed} cannot be, or ${passed === 1 ? 'is' : 'are'} there already`}` });
    }
    default:
      return refuse(`unknown command '${command}'`);
  }
}

function forceUplink(args: { readonly [name: string]: string }, host: CommandHost): CommandResult {
  const given = args['for'];
  const lasts = given === undefined ? undefined : parseDuration(given);
  if (given !== undefined && (lasts === undefined || lasts < 1 || lasts > LONGEST_WISH)) return refuse(`'${printable(given, 32)}' is no time to switch for; give seconds, or a number with s, m, h or d behind it, up to 365d`);
  const refused = host.force(args['connection'] ?? '', args['uplink'] ?? '', lasts === undefined ? undefined : seconds(lasts));
  return refused === undefined ? done() : refuse(SWITCH_REFUSALS[refused] ?? refused);
}

function upDown(up: boolean, target: { connection: string; child: string | undefined; chains: number[] }, host: CommandHost): CommandResult {
  const initiator = host.initiators.get(target.connection);
  if (target.child !== undefined && target.chains.length > 0) {
    for (const chain of target.chains) host.ike({ type: 'child.want', chain, child: target.child, up });
    return done();
  }
  if (initiator) {
    if (up) initiator.up(host.turn);
    else initiator.down();
    return done();
  }
  if (up) return refuse(`connection '${target.connection}' is a responder: the other side makes it`);
  host.ike({ type: 'connection.terminate', connection: target.connection });
  return done();
}

function explain(connection: string | undefined, host: CommandHost): CommandResult {
  const sources = host.sources();
  const names = connection === undefined || connection === '' ? [...host.initiators.keys()] : [connection];
  const all = names.map((name) => explanationDocument(name, sources));
  if (connection !== undefined && connection !== '' && all[0] === undefined) return refuse(`there is no connection '${connection}' whose uplink we choose`);
  return done(all.flatMap((e) => (e ? [e] : [])));
}
