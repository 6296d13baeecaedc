/** What an idle day costs on each uplink, in the simulated world: octets of IP packets both ways, of the uplink in use and of the standby. */
import { ip, millis, seconds } from '../../../src/base/index.ts';
import { nodeCrypto } from '../../../src/adapters/node/crypto.ts';
import { outerSize } from '../../sim/packet.ts';
import { openScene } from '../../sim/scene.ts';

export interface IdleDay {
  readonly uplinks: 'unmetered' | 'metered';
  /** Seconds after which the NAT of the uplink in use forgets a mapping; undefined: there is no NAT. */
  readonly nat: number | undefined;
  readonly active: number;
  readonly standby: number;
}

const section = (device: string, metered: boolean): string => `config uplink '${device}'\n option device '${device}'\n${metered ? " option metered '1'\n" : ''}`;

/** Two hours to learn, then one is measured and counted for a day. */
function day(metered: boolean, nat: number | undefined): IdleDay {
  const box = nat === undefined ? {} : { nat: { publicAddress: ip('198.51.100.10'), expiry: seconds(nat) } };
  const stage = openScene({ suite: nodeCrypto(), seed: 900 + (nat ?? 0), router: section('wan0', metered) + section('wwan0', metered), wan: { rtt: millis(30), ...box } });
  stage.establish();
  stage.world.runFor(seconds(7200));
  const octets = { isp1: 0, isp2: 0 };
  for (const name of ['isp1', 'isp2'] as const) stage.world.link(name).tap((packet) => void (octets[name] += outerSize(packet)));
  stage.world.runFor(seconds(3600));
  return { uplinks: metered ? 'metered' : 'unmetered', nat, active: octets.isp1 * 24, standby: octets.isp2 * 24 };
}

export const idleDays = (): IdleDay[] => [false, true].flatMap((metered) => [undefined, 30, 120].map((nat) => day(metered, nat)));
