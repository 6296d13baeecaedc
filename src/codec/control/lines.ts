import { err, ok, type Json, type JsonObject, type Result } from '../../base/index.ts';
import { COMMANDS, type Command, type CommandDef } from './commands.ts';
import { parseJsonObject } from './json.ts';

/** Longest request line in octets, newline not counted; a client that sends more is cut off. */
export const MAX_REQUEST_LINE = 65_536;
/** Longest reply line `mobikectl` reads, in octets: the whole event ring fits many times. */
export const MAX_REPLY_LINE = 16_777_216;
/** Longest text argument: names of sections are shorter. */
const MAX_ARGUMENT = 255;

/** A request that makes sense: every required argument is there, and nothing the command does not take. */
export interface ControlRequest {
  /** The client's number for it; repeated in everything that answers it. */
  readonly id: number;
  readonly command: Command;
  /** Text arguments by name. */
  readonly args: { readonly [name: string]: string };
  readonly follow: boolean;
}

/** Why a request is refused; answer it with `encodeRefusal`. `id` is undefined when the line told none. */
export interface RefusedRequest {
  readonly id: number | undefined;
  readonly error: string;
}

const own = (object: JsonObject, key: string): Json | undefined => (Object.hasOwn(object, key) ? object[key] : undefined);
const isId = (value: Json | undefined): value is number => typeof value === 'number' && Number.isSafeInteger(value) && value >= 0;

/** Reads one line of a client. */
export function decodeRequest(line: string): Result<ControlRequest, RefusedRequest> {
  const parsed = line.length > MAX_REQUEST_LINE ? err('line too long') : parseJsonObject(line);
  if (!parsed.ok) return err({ id: undefined, error: `bad request: ${parsed.error}` });
  const id = own(parsed.value, 'id');
  if (!isId(id)) return err({ id: undefined, error: "bad request: 'id' must be a whole number" });
  const refuse = (error: string): Result<ControlRequest, RefusedRequest> => err({ id, error });
  const command = own(parsed.value, 'command');
  if (typeof command !== 'string' || !Object.hasOwn(COMMANDS, command)) return refuse('unknown command');
  const definition: CommandDef = COMMANDS[command as Command];
  const given = own(parsed.value, 'args') ?? {};
  if (typeof given !== 'object' || given === null || Array.isArray(given)) return refuse("bad request: 'args' must be an object");
  const args: { [name: string]: string } = {};
  let follow = false;
  for (const [name, value] of Object.entries(given as JsonObject)) {
    const isFlag = definition.flags.includes(name);
    if (!isFlag && !definition.args.some((arg) => arg.name === name)) return refuse(`${command} takes no such argument`);
    if (isFlag && typeof value !== 'boolean') return refuse(`argument '${name}' must be true or false`);
    if (!isFlag && (typeof value !== 'string' || value.length === 0 || value.length > MAX_ARGUMENT)) return refuse(`argument '${name}' must be a text of 1 to ${MAX_ARGUMENT} characters`);
    if (isFlag) follow = value === true;
    else args[name] = String(value);
  }
  for (const { name, optional } of definition.args) if (!optional && args[name] === undefined) return refuse(`${command} needs argument '${name}'`);
  return ok({ id, command: command as Command, args, follow });
}

/** Writes a request; without newline, as all lines here. */
export function encodeRequest({ id, command, args, follow }: ControlRequest): string {
  return JSON.stringify({ id, command, args: follow ? { ...args, follow } : args });
}

export function encodeReply(id: number, data: Json): string {
  return JSON.stringify({ id, ok: true, data });
}

/** @param id undefined when the request told none. */
export function encodeRefusal(id: number | undefined, error: string): string {
  return JSON.stringify({ id: id ?? null, ok: false, error });
}

/** @param event a `StampedEvent`. */
export function encodeEvent(id: number, event: object): string {
  return JSON.stringify({ id, event });
}

/** What the daemon says. */
export type ControlReply =
  | { readonly kind: 'done'; readonly id: number; readonly data: Json }
  | { readonly kind: 'refused'; readonly id: number | undefined; readonly error: string }
  | { readonly kind: 'event'; readonly id: number; readonly event: JsonObject };

/** Reads one line of the daemon. */
export function decodeReply(line: string): Result<ControlReply> {
  const parsed = parseJsonObject(line);
  if (!parsed.ok) return parsed;
  const id = own(parsed.value, 'id');
  const done = own(parsed.value, 'ok');
  const event = own(parsed.value, 'event');
  if (done === false) {
    const error = own(parsed.value, 'error');
    return ok({ kind: 'refused', id: isId(id) ? id : undefined, error: typeof error === 'string' ? error : 'refused without a reason' });
  }
  if (!isId(id)) return err('a reply without id');
  if (done === true) return ok({ kind: 'done', id, data: own(parsed.value, 'data') ?? null });
  if (typeof event === 'object' && event !== null && !Array.isArray(event)) return ok({ kind: 'event', id, event: event as JsonObject });
  return err('neither reply nor event');
}
