import * as v from '@badrap/valita';

/** Why an export stopped or is paused, as a machine-readable code. Records of version 0.2.0 have an earlier name of one of them. */
export const exportReason = v
  .string()
  // safeguard: read-earlier-reason
  .map((reason) => (reason === 'changed-meanwhile' ? 'changed-during-export' : reason));
