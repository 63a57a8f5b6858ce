import sgMail, { type MailDataRequired } from '@sendgrid/mail';
import * as mail from '@sendgrid/mail';
import { logIntegrationEvent as track } from './log';

const EVENTS = { sent: 'sendgrid_email_sent', failed: 'sendgrid_error' } as const;

export const sendWelcome = async (to: string) => {
  try {
    await sgMail.send({ to, from: 'a@b.c', subject: 'hi', text: 'hi' });
    track('sendgrid', EVENTS.sent, 'success');
  } catch (error) {
    track('sendgrid', EVENTS.failed, 'error', { error_code: String(error) });
    throw error;
  }
};

export function sendReset(to: string) {
  return mail.send({ to } as MailDataRequired); // EXPECT not-logged sendgrid success,error
}

export async function sendDigest(messages: MailDataRequired[]) {
  for (const message of messages) {
    try {
      await sgMail.send(message); // EXPECT not-logged sendgrid error
      track('sendgrid', 'sendgrid_email_sent', 'success');
    } catch (error) {
      console.error(error);
    }
  }
}

export async function sendWithWrongName(to: string) {
  try {
    await sgMail.send({ to } as MailDataRequired);
    track('sendgrid', 'sendgrid_emial_sent', 'success'); // EXPECT unknown-event sendgrid -
  } catch {
    track('sendgird', 'sendgrid_error', 'error'); // EXPECT unknown-provider sendgrid -
  }
}

export async function sendCopied(to: string) {
  try {
    await sgMail.send({ to } as MailDataRequired); // EXPECT not-logged sendgrid success,error
    track('twilio', 'twilio_sms_sent', 'success');
  } catch {
    track('twilio', 'twilio_error', 'error');
  }
}

export async function sendDynamic(to: string, event: string) {
  await sgMail.send({ to } as MailDataRequired).then(() => track(to, event, 'success')); // EXPECT unknown-log sendgrid success,error
}

export async function sendQuiet(to: string) {
  // releaseguard: not-logged -- a copy to ourselves, counted elsewhere
  await sgMail.send({ to } as MailDataRequired);
}

/* releaseguard: not-logged */ // EXPECT bad-waiver - -
