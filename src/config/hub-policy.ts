import { seconds } from '../base/index.ts';
import type { SECTIONS } from './options.ts';
import { quote } from './problems.ts';
import type { Checked } from './section.ts';
import type { ConnectionConfig, MovePolicy } from './types.ts';
import { parseNumber, parseTrafficPrefix } from './values.ts';

/** Options that say something to a hub alone. */
const HUB_ONLY = ['allowed_prefixes', 'denied_prefixes', 'strict_sources', 'update_rate', 'return_routability', 'rr_hold', 'rr_interval', 'esp_roaming'] as const;

/** What a hub's section says of the outer addresses of its peers; a router's section must say nothing of it. */
export function movePolicy(connection: Checked<(typeof SECTIONS)['connection']>): MovePolicy {
  const { values, section } = connection;
  if (values.role === 'initiator') for (const option of HUB_ONLY) if (section.options.has(option)) connection.error(option, 'is for the hub: the responder judges where its peers come from');
  if (section.options.has('rr_hold') && values.return_routability !== 'before') connection.warn('rr_hold', "has no effect without return_routability 'before'");
  return {
    allowed: connection.each('allowed_prefixes', values.allowed_prefixes, parseTrafficPrefix),
    denied: connection.each('denied_prefixes', values.denied_prefixes, parseTrafficPrefix),
    strictSources: values.strict_sources, updateRate: values.update_rate, routability: values.return_routability, hold: values.rr_hold, roaming: values.esp_roaming,
    recheck: values.rr_interval === undefined ? undefined : seconds(values.rr_interval),
  };
}

/** First notify number that no RFC has given a meaning; above it are free status types and private ones. */
const SWITCH_LEAST = 16_445;

/** How a hub may ask its routers to another address. */
export function switchPolicy(connection: Checked<(typeof SECTIONS)['connection']>): ConnectionConfig['responderSwitch'] {
  const { responder_switch: text, role, responder_switch_any: anyAddress } = connection.values;
  const number = parseNumber(text, 5);
  const isNumber = number !== undefined && number >= SWITCH_LEAST && number <= 65_535;
  if (!isNumber && text !== 'off' && text !== 'private') connection.error('responder_switch', `${quote(text)} is not possible; give off, private, or a number from ${SWITCH_LEAST} to 65535`);
  const by = text === 'private' ? 'private' : isNumber ? number : undefined;
  if (role === 'responder' && connection.section.options.has('responder_switch_any')) connection.warn('responder_switch_any', 'has no effect: the router judges where it goes');
  return { by, anyAddress };
}
