import type { Instant } from '../../base/index.ts';
import type { ChildSa } from '../child-sa.ts';
import type { Task } from '../exchange.ts';
import type { IkeSa } from '../ike-sa.ts';
import { childTask } from './child-create.ts';

/** When this Child SA is to be rekeyed by us; undefined while it is, or was. */
export function rekeyDue(child: ChildSa): Instant | undefined {
  return child.state === 'installed' ? (child.retryAt ?? child.softAt) : undefined;
}

/** RFC 7296 §2.8: a new SA beside the old one, then Delete of the old. */
export function rekeyChildTask(_sa: IkeSa, child: ChildSa): Task {
  child.state = 'rekeying';
  return childTask({ config: child.config, old: child, wait: child.retryWait });
}
