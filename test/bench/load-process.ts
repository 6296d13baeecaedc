/**
 * The routers, or the stranger, as a process of its own in a namespace: `load-process.mjs routers|flooder`. A command is a line of JSON,
 * and so is its answer.
 */
import { createInterface } from 'node:readline';
import { Flooder, Routers } from './routers.ts';

export type Command =
  | { readonly do: 'handshakes'; readonly count: number; readonly width: number }
  | { readonly do: 'flood'; readonly rate: number }
  | { readonly do: 'sent' }
  | { readonly do: 'quiet' };

const answer = (value: unknown): void => void process.stdout.write(`${JSON.stringify(value)}\n`);

async function main(): Promise<void> {
  const routers = process.argv[2] === 'routers' ? new Routers() : undefined;
  const flooder = routers === undefined ? new Flooder() : undefined;
  answer('ready');
  for await (const line of createInterface({ input: process.stdin })) {
    const command = JSON.parse(line) as Command;
    if (command.do === 'handshakes') answer(await routers?.handshakes(command.count, command.width));
    else if (command.do === 'flood') answer(flooder?.start(command.rate) ?? 'started');
    else if (command.do === 'sent') answer(flooder?.sent);
    else answer(flooder?.stop() ?? 'stopped');
  }
}

await main();
process.exit(0);
