import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { HtmlValidate } from 'html-validate';
import type { Page } from 'playwright-core';

type CheckResult = { id: string; help: string; nodes: { html: string }[] };

const axe = await readFile(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
const validator = new HtmlValidate({
  extends: ['html-validate:recommended'],
  rules: {
    'no-inline-style': 'error',
    // Pages refresh only without scripts, and have a link that stops it.
    'meta-refresh': 'off',
    // The rule doesn't see that a checkbox and a button of a row belong to different forms, by their form attributes.
    'form-dup-name': 'off',
  },
});

/** Returns axe's findings in the current page, by all of its rules, or only by those about colors. */
export async function axeViolations(page: Page, rules: 'all' | 'colors' = 'all'): Promise<string[]> {
  if (!(await page.evaluate('"axe" in globalThis'))) await page.evaluate(axe);
  const options = rules === 'all' ? {} : { runOnly: ['color-contrast', 'link-in-text-block'] };
  const violations = (await page.evaluate(
    `axe.run(${JSON.stringify(options)}).then(({ violations }) => violations)`,
  )) as CheckResult[];
  return violations.map(
    ({ id, help, nodes }) => `${id}: ${help}: ${nodes.map(({ html }) => html).join(' ')}`,
  );
}

/** Returns html-validate's findings in the page as the server sends it. */
export async function htmlErrors(page: Page): Promise<string[]> {
  const html = await (await page.request.get(page.url())).text();
  const { results } = await validator.validateString(html);
  return results.flatMap(({ messages }) =>
    messages.map(({ ruleId, message, line }) => `${ruleId}: ${message} (${line})`),
  );
}

/** Returns the innermost elements that make the page scroll sideways; none if it doesn't. */
export async function elementsBeyondWindow(page: Page): Promise<string[]> {
  return (await page.evaluate(`(() => {
    const { scrollWidth, clientWidth } = document.documentElement;
    if (scrollWidth <= clientWidth) return [];
    const wide = [...document.querySelectorAll('body *')].filter((one) => one.getBoundingClientRect().right > clientWidth + 0.5);
    const innermost = wide.filter((one) => !wide.some((other) => other !== one && one.contains(other)));
    return innermost.length > 0 ? innermost.map((one) => one.outerHTML.slice(0, 200)) : ['something'];
  })()`)) as string[];
}

// WCAG 2.2, 2.5.8: links within a sentence may be as small as its lines; an input is as large as its label.
const smallTargetsScript = `[...document.querySelectorAll('a[href], button, input:not([type=hidden]), select, textarea, summary')]
  .filter((one) => one.checkVisibility({ opacityProperty: true, visibilityProperty: true }) && !one.closest('.skip'))
  .filter((one) => one.tabIndex >= 0)
  .map((one) => one.closest('label') ?? one)
  .filter((one) => {
    const siblings = [...one.parentElement.childNodes].filter((node) => node !== one && node.textContent.trim());
    const inText = getComputedStyle(one).display === 'inline' && siblings.some((node) => node.nodeType === 3);
    return !inText;
  })
  .map((one) => ({ box: one.getBoundingClientRect(), html: one.outerHTML.slice(0, 120) }))
  .filter(({ box }) => box.width < 24 || box.height < 23.9)
  .map(({ box, html }) => Math.round(box.width) + 'x' + Math.round(box.height * 10) / 10 + ' ' + html)`;

/** Returns the controls that are smaller than 24 by 24 pixels. */
export async function smallTargets(page: Page): Promise<string[]> {
  return (await page.evaluate(smallTargetsScript)) as string[];
}

/** Returns the levels of the headings in their order, such as 1, 2, 2, 3. */
export async function headingLevels(page: Page): Promise<number[]> {
  return (await page.evaluate(
    `[...document.querySelectorAll('h1, h2, h3, h4, h5, h6')].map((one) => Number(one.tagName[1]))`,
  )) as number[];
}
