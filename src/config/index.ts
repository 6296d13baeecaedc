/**
 * config: UCI text to a checked `Config`, and every problem in it. Pure: reads no file, keeps no state.
 */
export * from './types.ts';
