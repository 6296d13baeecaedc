import { err, ok, type Result } from '../base/index.ts';

/** Command line of `mobiked`. */
export interface DaemonOptions {
  readonly config: string;
  /** Undefined: `none`. */
  readonly ubus: string | undefined;
  readonly runDir: string;
  readonly stateDir: string;
  readonly foreground: boolean;
  readonly action: 'run' | 'check' | 'version' | 'help';
}

export const USAGE = `usage: mobiked [OPTIONS]

Keeps IPsec tunnels (IKEv2 with MOBIKE) alive across the uplinks of a router.

  --config FILE     configuration in UCI form (default /etc/config/mobiked)
  --ubus SOCKET     ubus socket of netifd (default /var/run/ubus/ubus.sock), or
                    none: uplinks come from the kernel's routes alone
  --run-dir DIR     holds the control socket mobiked.sock (default /var/run/mobiked)
  --state-dir DIR   holds what outlives a restart (default /etc/mobiked)
  --foreground      log to the terminal for people, with time and level, instead of to
                    the system log; mobiked never forks
  --check-config    check the configuration with its keys and certificates, say what is
                    wrong, exit 1 for any problem
  --version         print the version and exit
  --help            print this and exit

SIGHUP reads the configuration again; SIGTERM says goodbye to every peer and ends within 2 s.
`;

const VALUES = ['--config', '--ubus', '--run-dir', '--state-dir'] as const;
const FLAGS = ['--foreground', '--check-config', '--version', '--help'] as const;

/** Reads the command line; the error is a sentence for people. `--name=value` and `--name value` are the same. */
export function parseOptions(argv: readonly string[]): Result<DaemonOptions> {
  const values = new Map<string, string>();
  const flags = new Set<string>();
  for (let i = 0; i < argv.length; i++) {
    const word = argv[i] ?? '';
    const equals = word.indexOf('=');
    const name = equals < 0 ? word : word.slice(0, equals);
    if (VALUES.some((v) => v === name)) {
      const value = equals < 0 ? argv[++i] : word.slice(equals + 1);
      if (value === undefined || value === '') return err(`option ${name} needs a value`);
      values.set(name, value);
    } else if (equals < 0 && FLAGS.some((f) => f === name)) flags.add(name);
    else return err(`unknown option '${word}'`);
  }
  const ubus = values.get('--ubus') ?? '/var/run/ubus/ubus.sock';
  return ok({
    config: values.get('--config') ?? '/etc/config/mobiked',
    ubus: ubus === 'none' ? undefined : ubus,
    runDir: values.get('--run-dir') ?? '/var/run/mobiked',
    stateDir: values.get('--state-dir') ?? '/etc/mobiked',
    foreground: flags.has('--foreground'),
    action: flags.has('--help') ? 'help' : flags.has('--version') ? 'version' : flags.has('--check-config') ? 'check' : 'run',
  });
}
