import type { ExportJob } from '../../access/export-job-records.ts';
import type { ExportJobs } from '../../access/export-jobs.ts';
import { routes } from '../../routes.ts';
import { NoSuchPage } from '../../web/errors.ts';
import { beginning } from './cursor.ts';
import { headersOf, headersOfAll } from './export-headers.ts';
import { nameOf, nameOfAll } from './file-name.ts';
import { emptySummary, type Format, type Summary } from './format.ts';
import { replay } from './replay.ts';
import type { ExportFile } from './send.ts';
import type { Manifest } from './source.ts';
import type { Stop } from './stop.ts';

/** How long a stored file is collected before it is sent, so that a short one has a length. */
const collectMs = 5_000;

/**
 * Whether a job has a file: of everything if it is done, or of what was read before it stopped or was canceled. There is none if the list has changed,
 * because then the rows may be wrong.
 */
export function hasFile({ state, reason, rows }: ExportJob): boolean {
  // safeguard: no-file-after-change
  if (reason === 'changed-during-export') return false;
  return state === 'done' || (rows > 0 && (state === 'stopped' || state === 'canceled'));
}

/**
 * Returns the file of a job. Reads what is stored once for its name and headers, and again for its contents, so that memory stays small. Returns
 * null if there is nothing. Throws {@link NoSuchPage} if the format can't hold it, and ChunkMissing.
 */
export async function fileOfJob(
  jobs: ExportJobs,
  accountId: string,
  job: ExportJob,
  format: Format,
): Promise<ExportFile | null> {
  const isAll = job.exportId === 'all';
  if (isAll && !format.all) throw new NoSuchPage('This format holds one list');
  const stop = stopOf(job);
  // The cursor is at the start of the next playlist, so the last one was read to its end.
  // safeguard: whole-list-before-stop
  const isLastWhole = isAll && job.cursor.from === 0;
  const counted: Summary = { ...emptySummary(job.playlists ?? 1), ...job.absent };
  const manifests: Manifest[] = [];
  for await (const source of replay(jobs.read(accountId, job), { summary: counted, stop, isLastWhole })) {
    for await (const _rows of source.pages);
    manifests.push(source.manifest);
  }
  const { sentAsNull, notSent, incomplete } = counted;
  counted.complete = counted.stopped === null && sentAsNull + notSent + incomplete === 0;
  const again = () => replay(jobs.read(accountId, job), { stop, isLastWhole, manifests });
  const common = { extension: format.extension, type: format.type, collectMs };
  if (isAll && format.all)
    return {
      ...common,
      name: () => nameOfAll(beginning, counted),
      facts: () => headersOfAll(counted, job.startedAt, true),
      content: format.all(again(), counted),
    };
  const [manifest] = manifests;
  if (!manifest) return null;
  if (format.itemsOnly && manifest.contains !== 'items') throw new NoSuchPage('This format holds tracks');
  return {
    ...common,
    name: () => nameOf(manifest, true),
    facts: () => headersOf(manifest, format, true),
    content: contentOfOne(),
  };

  async function* contentOfOne() {
    for await (const source of again()) yield* format.one(source);
  }
}

/** Why a job stopped where it did; null if it has read everything. */
function stopOf({ state, reason }: ExportJob): Stop | null {
  // safeguard: part-of-job-says-so
  if (state === 'done') return null;
  return {
    reason: state === 'canceled' ? 'canceled' : String(reason),
    until: null,
    resume: routes.exportJob(),
  };
}
