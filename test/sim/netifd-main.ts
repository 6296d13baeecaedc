import { createInterface } from 'node:readline';
import { NetifdStandIn, type SimDevice, type SimInterface } from './netifd.ts';
import { Ubusd } from './ubusd.ts';

/**
 * The stand-ins as a process of their own: `node netifd-main.mjs SOCKET [ubusd]` (with `ubusd` it also is the ubusd).
 * Commands are JSON lines on stdin, each answered by one JSON line on stdout (`{"ok":true}` or `{"ok":false,"why":…}`):
 *
 *     {"op":"interface","name":"wan","status":{…SimInterface},"twice":false,"silent":false}
 *     {"op":"remove","name":"wan"}
 *     {"op":"device","name":"eth1","status":{"present":true,"active":true,"linkActive":true}}
 *     {"op":"kill"}  {"op":"start"}        netifd dies, starts
 *
 * The end of stdin ends it. The first line on stdout, `{"ok":true}`, says that all objects are published.
 */
type Command =
  | { op: 'interface'; name: string; status: SimInterface; twice?: boolean; silent?: boolean }
  | { op: 'remove'; name: string }
  | { op: 'device'; name: string; status: SimDevice }
  | { op: 'kill' }
  | { op: 'start' };

const [path, role] = process.argv.slice(2);
if (path === undefined) {
  process.stderr.write('usage: netifd-main SOCKET [ubusd]\n');
  process.exit(2);
}
const ubusd = role === 'ubusd' ? new Ubusd() : undefined;
const netifd = new NetifdStandIn();

async function perform(command: Command): Promise<void> {
  switch (command.op) {
    case 'interface':
      return netifd.set(command.name, command.status, { twice: command.twice ?? false, silent: command.silent ?? false });
    case 'remove':
      return netifd.remove(command.name);
    case 'device':
      return netifd.device(command.name, command.status);
    case 'kill':
      return netifd.kill();
    case 'start':
      return netifd.start(path ?? '');
    default:
      throw new Error('unknown op');
  }
}

const say = (answer: object): void => void process.stdout.write(`${JSON.stringify(answer)}\n`);
await ubusd?.start(path);
await netifd.start(path);
say({ ok: true });
for await (const line of createInterface({ input: process.stdin })) {
  try {
    await perform(JSON.parse(line) as Command);
    say({ ok: true });
  } catch (error) {
    say({ ok: false, why: error instanceof Error ? error.message : String(error) });
  }
}
await netifd.kill();
await ubusd?.stop();
