import * as v from '@badrap/valita';

/**
 * Why an export stopped or is paused, as a machine-readable code. Records from before the rename have an earlier name of one
 * of them. No release wrote any, so that can go in 0.3.0.
 */
export const exportReason = v
  .string()
  // safeguard: read-earlier-reason
  .map((reason) => (reason === 'changed-meanwhile' ? 'changed-during-export' : reason));
