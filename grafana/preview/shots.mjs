// A picture of every dashboard: shots/<uid>-<theme>.png, 1920 wide and at least 1080 high. Fails if a panel does.
import {readdirSync} from 'node:fs';
import {chromium} from 'playwright-core';

const {END, PROMETHEUS, WEB, SHOTS, ONLY = ''} = process.env;
const folder = new URL('../dashboards/', import.meta.url).pathname;
const files = readdirSync(folder).flatMap((group) => readdirSync(folder + group).map((file) => `${group}/${file}`));
const quiet = ['--no-sandbox', '--disable-gpu', '--disable-background-networking', '--disable-component-update', '--disable-sync', '--no-first-run', '--disable-quic'];
const browser = await chromium.launch({executablePath: '/usr/bin/chromium', args: quiet});
let failed = false;
for (const file of files.filter((name) => name.includes(ONLY))) {
  for (const theme of ['dark', 'light']) {
    const page = await browser.newPage({viewport: {width: 1920, height: 1080}, locale: file.includes('-pt') ? 'pt-BR' : 'en-US'});
    page.on('pageerror', (error) => console.error('page:', error.message.slice(0, 300)));
    if (process.env.VERBOSE) page.on('console', (message) => console.error(message.text().slice(0, 400)));
    const query = new URLSearchParams({file, theme, prometheus: PROMETHEUS, to: END, tz: 'utc'});
    await page.goto(`${WEB}/?${query}`);
    await page.waitForFunction(() => document.title !== 'loading', null, {timeout: 60000}).catch(() => {});
    await page.waitForTimeout(1200);
    const title = await page.title();
    if (title !== 'ready') {
      console.error(`${file} (${theme}): ${title}`);
      failed = true;
    }
    const uid = file.split('/')[1].replace('.json', '');
    await page.screenshot({path: `${SHOTS}/${uid}-${theme}.png`, fullPage: true});
    if (theme === 'dark') console.log(uid, JSON.stringify(await page.evaluate(() => window.timings)));
    await page.close();
  }
}
await browser.close();
process.exitCode = failed ? 1 : 0;
