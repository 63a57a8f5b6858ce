import { DetectModerationLabelsCommand, RekognitionClient } from 'npm:@aws-sdk/client-rekognition@3';
import OpenAI from 'openai';
import { logIntegrationEvent } from '../_shared/log.ts';

const rekognition = new RekognitionClient({ region: 'eu-west-1' });
const openai = new OpenAI();

export async function scan(bytes: Uint8Array) {
  try {
    const labels = await rekognition.send(new DetectModerationLabelsCommand({ Image: { Bytes: bytes } }));
    await logIntegrationEvent({ provider: 'aws_rekognition', event: 'aws_rekognition_scan_ok', outcome: 'success' });
    return labels;
  } catch {
    await logIntegrationEvent({ provider: 'aws_rekognition', event: 'aws_rekognition_error', outcome: 'error' });
    return null;
  }
}

export async function describe(text: string) {
  const started = Date.now();
  return openai.chat.completions
    .create({ model: 'gpt-4o-mini', messages: [{ role: 'user', content: text }] })
    .then((answer) => {
      logIntegrationEvent({ provider: 'openai', event: 'openai_completion_ok', outcome: 'success' });
      return answer.choices[0];
    })
    .catch((error) => {
      logIntegrationEvent({ provider: 'openai', event: 'openai_error', outcome: 'error', error_code: error.code });
      throw error;
    })
    .finally(() => console.log(Date.now() - started));
}

export async function embed(text: string) {
  try {
    return await openai.embeddings.create({ model: 'e', input: text }); // EXPECT not-logged openai success
    await logIntegrationEvent({ provider: 'openai', event: 'openai_completion_ok', outcome: 'success' });
  } catch (error) {
    await logIntegrationEvent({ provider: 'openai', event: 'openai_error', outcome: 'error' });
    throw error;
  }
}
