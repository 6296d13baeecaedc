import type { Command } from '../codec/control/index.ts';

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
  switch: { command: 'switch', args: { connection: 'string', uplink: 'string' } },
  rekey: { command: 'rekey', args: { name: 'string' } },
  reload: { command: 'reload', args: {} },
};

export const UBUS_OBJECT = 'mobiked';
