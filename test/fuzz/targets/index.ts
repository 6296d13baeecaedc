import type { Target } from '../target.ts';
import { CODEC_TARGETS } from './codecs.ts';
import { CONFIG_TARGETS } from './config.ts';
import { IKE_TARGETS } from './ike.ts';
import { PKI_TARGETS } from './pki.ts';
import { SA_TARGETS } from './sa.ts';

/** Everything that takes foreign octets, a row each. */
export const TARGETS: readonly Target[] = [...IKE_TARGETS, ...CODEC_TARGETS, ...CONFIG_TARGETS, ...PKI_TARGETS, ...SA_TARGETS];
