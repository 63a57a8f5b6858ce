import { test } from '@playwright/test';

test('discover', async ({ page }) => {
  await page.goto('/');
});
