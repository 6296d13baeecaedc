import type { JsonObject } from '../base/index.ts';
import type { Command } from '../codec/control/index.ts';
import type { InputOf } from '../ports/index.ts';
import type { CommandResult, Turn } from './context.ts';

/** UBUS_STATUS_* of a method's answer. */
export const UBUS_STATUS = { OK: 0, INVALID_ARGUMENT: 2, METHOD_NOT_FOUND: 3, NOT_FOUND: 4, UNKNOWN_ERROR: 9 } as const;

interface MethodRow {
  readonly command: Command;
  readonly args: { readonly [arg: string]: 'string' | 'int32' | 'bool' };
  /** Key the list is answered under; ubus answers are tables. */
  readonly list?: string;
}

/** Methods of the ubus object `mobiked`: the commands of the control socket, with named arguments. */
export const UBUS_METHODS: { readonly [method: string]: MethodRow } = {
  status: { command: 'status', args: {} },
  uplinks: { command: 'uplinks', args: {}, list: 'uplinks' },
  connections: { command: 'connections', args: {}, list: 'connections' },
  events: { command: 'events', args: {}, list: 'events' },
  explain: { command: 'explain', args: { connection: 'string' }, list: 'connections' },
  up: { command: 'up', args: { name: 'string' } },
  down: { command: 'down', args: { name: 'string' } },
  switch: { command: 'switch', args: { connection: 'string', uplink: 'string', for: 'string' } },
  switch_peers: { command: 'switch-peers', args: { addr: 'string', name: 'string' } },
  rekey: { command: 'rekey', args: { name: 'string' } },
  reload: { command: 'reload', args: {} },
};

export const UBUS_OBJECT = 'mobiked';

/** Arguments as the control socket has them; a number (of seconds) may come as one. */
function textArguments(args: JsonObject): { [name: string]: string } {
  return Object.fromEntries(Object.entries(args).flatMap(([name, value]) => (typeof value === 'string' || typeof value === 'number' ? [[name, String(value)]] : [])));
}

/** Runs a call of the object and answers it: a table, or INVALID_ARGUMENT with the reason. */
export function answerUbus(input: InputOf<'ubus.called'>, run: (command: string, args: { readonly [name: string]: string }) => CommandResult, turn: Turn): void {
  const reply = (status: number, data: JsonObject | undefined): void => turn.emit({ type: 'ubus.reply', callId: input.callId, status, data });
  const row = UBUS_METHODS[input.method];
  if (!row) return reply(UBUS_STATUS.METHOD_NOT_FOUND, undefined);
  const result = run(row.command, textArguments(input.args));
  if (!result.ok) return reply(UBUS_STATUS.INVALID_ARGUMENT, { error: result.error });
  const data = row.list === undefined ? result.data : { [row.list]: result.data };
  reply(UBUS_STATUS.OK, typeof data === 'object' && data !== null && !Array.isArray(data) ? (data as JsonObject) : {});
}
