import { connect } from 'node:net';
import { concat, err, fromUtf8, ok, printable, type Json, type Result } from '../base/index.ts';
import { COMMANDS, decodeReply, encodeRequest, MAX_REPLY_LINE, type Command, type CommandDef, type ControlRequest } from '../codec/control/index.ts';
import { eventText, formatReply } from './ctl-format.ts';

/** What the process gives: where text goes, and who we are. */
export interface CtlHost {
  out(text: string): void;
  error(text: string): void;
  readonly version: string;
}

export const EXIT = { done: 0, refused: 1, usage: 2, noDaemon: 3 } as const;

const SOCKET = '/var/run/mobiked/mobiked.sock';
/** The daemon answers within a turn of its loop; one that takes longer hangs. */
const ANSWER_MS = 10_000;

type CommandLine =
  | { readonly kind: 'help' | 'version' }
  | { readonly kind: 'request'; readonly socket: string; readonly json: boolean; readonly request: ControlRequest };

/** Arguments that are told by their place. */
const placed = ({ args }: CommandDef): CommandDef['args'] => args.filter((arg) => arg.option === undefined);
/** Arguments that are told by their name, of any command. */
const OPTIONS: ReadonlySet<string> = new Set(
  Object.values(COMMANDS as { readonly [name: string]: CommandDef }).flatMap(({ args }) => args.filter((arg) => arg.option !== undefined).map((arg) => arg.name)),
);

function synopsis(name: string, definition: CommandDef): string {
  const shown = placed(definition).map((arg) => (arg.optional ? `[${arg.name.toUpperCase()}]` : arg.name.toUpperCase()));
  return [name, ...shown, ...definition.flags.map((flag) => `[--${flag}]`)].join(' ');
}

export function usage(): string {
  const rows = Object.entries(COMMANDS).map(([name, definition]) => [synopsis(name, definition), definition.help] as const);
  const width = Math.max(...rows.map(([left]) => left.length));
  return [
    'Usage: mobikectl [--socket PATH] [--json] COMMAND', '', 'Commands; NAME is a connection or a child:',
    ...rows.map(([left, right]) => `  ${left.padEnd(width)}  ${right}`),
    '', 'Options:',
    `  --socket PATH  Control socket of the daemon (${SOCKET})`,
    '  --json         Print the data as JSON, events one a line',
    '  --for TIME     With switch: only for so long, such as 30m, 2h or 1d',
    '  --version      Print the version',
    '  --help         Print this',
    '', 'Exit status: 0 done, 1 refused, 2 usage, 3 no daemon.', '',
  ].join('\n');
}

/** `for` of `--for` and of `--for=2h`; empty when it is no option. */
function optionName(word: string): string {
  const end = word.indexOf('=');
  return word.startsWith('--') ? word.slice(2, end < 0 ? undefined : end) : '';
}

/** Options may stand anywhere; after `--` there are none. */
export function parseCommandLine(argv: readonly string[]): Result<CommandLine> {
  const rest: string[] = [];
  const flags = new Set<string>();
  const options = new Map<string, string>();
  let socket = SOCKET;
  let json = false;
  for (let i = 0; i < argv.length; i++) {
    const word = argv[i] ?? '';
    if (word === '--') {
      rest.push(...argv.slice(i + 1));
      break;
    }
    if (word === '--help' || word === '-h') return ok({ kind: 'help' });
    if (word === '--version') return ok({ kind: 'version' });
    if (word === '--json') json = true;
    else if (word === '--socket' || word.startsWith('--socket=')) {
      const path = word === '--socket' ? argv[++i] : word.slice('--socket='.length);
      if (path === undefined || path === '') return err('--socket needs a path');
      socket = path;
    } else if (OPTIONS.has(optionName(word))) {
      const name = optionName(word);
      const value = word === `--${name}` ? argv[++i] : word.slice(name.length + 3);
      if (value === undefined || value === '') return err(`--${name} needs a value`);
      options.set(name, value);
    } else if (word.startsWith('-') && word !== '-') flags.add(word);
    else rest.push(word);
  }
  const [command, ...values] = rest;
  if (command === undefined) return err('a command is missing');
  if (!Object.hasOwn(COMMANDS, command)) return err(`unknown command '${printable(command, 64)}'`);
  const definition: CommandDef = COMMANDS[command as Command];
  for (const flag of flags) if (!definition.flags.includes(flag.slice(2)) || !flag.startsWith('--')) return err(`${command} takes no option '${printable(flag, 64)}'`);
  for (const name of options.keys()) if (!definition.args.some((arg) => arg.option !== undefined && arg.name === name)) return err(`${command} takes no option '--${name}'`);
  const places = placed(definition);
  const most = places.length;
  const least = places.filter((arg) => !arg.optional).length;
  if (values.length < least || values.length > most || values.includes('')) return err(`wrong number of arguments; it is: mobikectl ${synopsis(command, definition)}`);
  const args: { [name: string]: string } = Object.fromEntries(options);
  places.forEach(({ name }, i) => {
    const value = values[i];
    if (value !== undefined) args[name] = value;
  });
  return ok({ kind: 'request', socket, json, request: { id: 1, command: command as Command, args, follow: flags.has('--follow') } });
}

/** Sends one request and gives each line of the answer to `take`, until that returns an exit status. */
function ask(path: string, request: ControlRequest, take: (line: string) => number | undefined, fail: (why: string) => number): Promise<number> {
  return new Promise((resolve) => {
    const socket = connect(path);
    let chunks: Uint8Array[] = [];
    let length = 0;
    let ended = false;
    const end = (status: number): void => {
      if (ended) return;
      ended = true;
      clearTimeout(timer);
      socket.destroy();
      resolve(status);
    };
    const give = (why: string): void => {
      if (!ended) end(fail(why));
    };
    const timer = setTimeout(() => give('no answer'), ANSWER_MS);
    socket.on('connect', () => socket.write(`${encodeRequest(request)}\n`));
    socket.on('error', (error) => give(error.message));
    socket.on('close', () => give('it closed the connection'));
    socket.on('data', (data: Uint8Array) => {
      let from = 0;
      while (!ended) {
        const newline = data.indexOf(0x0a, from);
        const piece = data.subarray(from, newline < 0 ? undefined : newline);
        length += piece.length;
        if (length > MAX_REPLY_LINE) return give('its answer is too long');
        chunks.push(piece);
        if (newline < 0) return;
        const line = fromUtf8(concat(...chunks));
        chunks = [];
        length = 0;
        from = newline + 1;
        const status = line === undefined ? fail('its answer is not UTF-8') : take(line);
        if (status !== undefined) return end(status);
        clearTimeout(timer); // events follow, whenever they happen
      }
    });
  });
}

/** mobikectl: parses the command line, asks the daemon, prints; returns the exit status. */
export async function runCtl(argv: readonly string[], host: CtlHost): Promise<number> {
  const parsed = parseCommandLine(argv);
  if (!parsed.ok) {
    host.error(`mobikectl: ${parsed.error}\n\n${usage()}`);
    return EXIT.usage;
  }
  const line = parsed.value;
  if (line.kind !== 'request') {
    host.out(line.kind === 'help' ? usage() : `${host.version}\n`);
    return EXIT.done;
  }
  const { request, json } = line;
  const fail = (why: string): number => {
    host.error(`mobikectl: no daemon on ${line.socket}: ${printable(why)}\n`);
    return EXIT.noDaemon;
  };
  const print = (lines: readonly string[]): void => {
    if (lines.length > 0) host.out(`${lines.join('\n')}\n`);
  };
  const shown = (data: Json): string[] => {
    if (!json) return formatReply(request.command, data);
    return request.follow && Array.isArray(data) ? data.map((event) => JSON.stringify(event)) : [JSON.stringify(data, undefined, 2)];
  };
  return ask(line.socket, request, (text) => {
    const reply = decodeReply(text);
    if (!reply.ok) return fail(`its answer is ${reply.error}`);
    switch (reply.value.kind) {
      case 'refused':
        host.error(`mobikectl: ${printable(reply.value.error, 1024)}\n`);
        return EXIT.refused;
      case 'event':
        print([json ? JSON.stringify(reply.value.event) : eventText(reply.value.event)]);
        return undefined;
      case 'done':
        print(shown(reply.value.data));
        return request.follow ? undefined : EXIT.done;
    }
  }, fail);
}
