/** What a command takes: names of its text arguments in order, and its flags. */
export interface CommandDef {
  /** `option`: mobikectl takes it as `--name VALUE`, and calls the value so. */
  readonly args: readonly { readonly name: string; readonly optional?: true; readonly option?: string }[];
  readonly flags: readonly string[];
  /** One phrase for `mobikectl --help`. */
  readonly help: string;
}

/** Every command of the control socket; `mobikectl` takes its command line and its help from here. */
export const COMMANDS = {
  status: { args: [], flags: [], help: 'Everything at a glance' },
  uplinks: { args: [], flags: [], help: 'The uplinks, and which connection uses which' },
  connections: { args: [], flags: [], help: 'The connections with their paths, keys and children' },
  events: { args: [], flags: ['follow'], help: 'What happened; --follow goes on as it happens' },
  explain: { args: [{ name: 'connection', optional: true }], flags: [], help: 'Why a connection uses the uplink it uses' },
  up: { args: [{ name: 'name' }], flags: [], help: 'Brings a connection or child up' },
  down: { args: [{ name: 'name' }], flags: [], help: 'Takes a connection or child down until up or reload' },
  switch: { args: [{ name: 'connection' }, { name: 'uplink' }, { name: 'for', optional: true, option: 'TIME' }], flags: [], help: 'Moves a connection to another uplink' },
  'switch-peers': { args: [{ name: 'addr' }, { name: 'name', optional: true }], flags: [], help: 'Hub: asks its peers to another address of its own' },
  rekey: { args: [{ name: 'name' }], flags: [], help: 'Makes new keys for a connection or child' },
  reload: { args: [], flags: [], help: 'Reads the configuration again' },
} as const satisfies { readonly [command: string]: CommandDef };

export type Command = keyof typeof COMMANDS;
