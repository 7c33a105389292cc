import bowser from 'bowser';
import type { Request } from 'express';

/** A name for this browser that people recognize, such as "Firefox on Linux"; null if it doesn't identify itself. */
export function browserName(req: Request): string | null {
  const { browser, os } = bowser.parse(req.get('User-Agent')?.slice(0, 400) || 'none');
  if (!browser.name) return null;
  return os.name ? `${browser.name} on ${os.name}` : browser.name;
}
