import type { Load, LoadResult } from './load-generator.ts';
import { ask, cpuSeconds, endProcess, pin, startProcess } from './processes.ts';

/** A server that a load can be put on. */
export type Target = {
  name: string;
  pid: number | undefined;
  load: Pick<Load, 'port' | 'host' | 'cookies' | 'paths'>;
};

export type Measured = { pages: number; perSecond: number; cpuMs: number; p50Ms: number };

const deadlineMs = 5_000;
/** The core of each server under load, if the system allows, and that of everything else. */
export const [serverCore, otherCore] = [0, 1];

/** Puts a load on a server, from another process. Throws if any response isn't a whole page in time. */
export async function measureLoad(
  { name, pid, load }: Target,
  { clients, seconds }: { clients: number; seconds: number },
  isPinned = false,
): Promise<Measured> {
  const generator = startProcess('load-generator.ts');
  if (isPinned) pin(generator.pid, otherCore);
  const before = cpuSeconds(pid);
  const request: Load = { ...load, clients, seconds, deadlineMs, respectsRetryAfter: true };
  const { goodMs, refusedMs, late, wrong } = await ask<LoadResult>(generator, request);
  const cpu = cpuSeconds(pid) - before;
  await endProcess(generator);
  const bad = refusedMs.length + late + Object.values(wrong).reduce((sum, one) => sum + one, 0);
  if (goodMs.length === 0 || bad > 0)
    throw new Error(`${name}: ${goodMs.length} good and ${bad} bad responses: ${JSON.stringify(wrong)}`);
  goodMs.sort((a, b) => a - b);
  return {
    pages: goodMs.length,
    perSecond: goodMs.length / seconds,
    cpuMs: (cpu * 1_000) / goodMs.length,
    p50Ms: goodMs[Math.floor(goodMs.length / 2)] ?? Number.NaN,
  };
}
