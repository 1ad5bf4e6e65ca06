/** Why something ended badly, in the words of the error catalogue. */
import { z } from 'zod';

export const faultSchema = z.object({ code: z.string(), message: z.string() });
