// openai_completion_ok is named in a comment only
import { describe as moderate } from '../supabase/functions/moderate/index.ts';

it.skip('describes', () => moderate('x'));
