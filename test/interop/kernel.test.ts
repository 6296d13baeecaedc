// Real peers whose ESP is the kernel's, in guests of their own: kernel-run.ts tells how, kernel-steps.ts the stories.
import { fileURLToPath } from 'node:url';
import { libreswanRuns } from './kernel-libreswan.ts';
import { openIkedRuns } from './kernel-openiked.ts';
import { kernelRuns } from './kernel-run.ts';
import { strongSwanRuns } from './kernel-strongswan.ts';

await kernelRuns([...strongSwanRuns, ...libreswanRuns, ...openIkedRuns], fileURLToPath(import.meta.url));
