import { seconds } from '../base/index.ts';
import type { SECTIONS } from './options.ts';
import type { Checked } from './section.ts';
import type { MovePolicy } from './types.ts';
import { parseTrafficPrefix } from './values.ts';

/** Options that say something to a hub alone. */
const HUB_ONLY = ['allowed_prefixes', 'denied_prefixes', 'strict_sources', 'update_rate', 'return_routability', 'rr_hold', 'rr_interval'] as const;

/** What a hub's section says of the outer addresses of its peers; a router's section must say nothing of it. */
export function movePolicy(connection: Checked<(typeof SECTIONS)['connection']>): MovePolicy {
  const { values, section } = connection;
  if (values.role === 'initiator') for (const option of HUB_ONLY) if (section.options.has(option)) connection.error(option, 'is for the hub: the responder judges where its peers come from');
  if (section.options.has('rr_hold') && values.return_routability !== 'before') connection.warn('rr_hold', "has no effect without return_routability 'before'");
  return {
    allowed: connection.each('allowed_prefixes', values.allowed_prefixes, parseTrafficPrefix),
    denied: connection.each('denied_prefixes', values.denied_prefixes, parseTrafficPrefix),
    strictSources: values.strict_sources, updateRate: values.update_rate, routability: values.return_routability, hold: values.rr_hold,
    recheck: values.rr_interval === undefined ? undefined : seconds(values.rr_interval),
  };
}
