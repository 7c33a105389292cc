import bowser from 'bowser';
import type { Request } from 'express';

/** What people call this browser, such as "Firefox on Linux"; null if it doesn't say. */
export function browserName(req: Request): string | null {
  const { browser, os } = bowser.parse(req.get('User-Agent')?.slice(0, 400) || 'none');
  if (!browser.name) return null;
  return os.name ? `${browser.name} on ${os.name}` : browser.name;
}
