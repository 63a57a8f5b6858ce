import { sendWelcome } from '../src/lib/mail';

jest.mock('@sendgrid/mail');

it('sends', async () => {
  await sendWelcome('a@b.c');
});
