/** Calls back when the messages of this turn of the event loop have been handled: what they led to goes out together. */
export type EndOfTurn = (callback: () => void) => void;

export const endOfTurn: EndOfTurn = (callback) => void setImmediate(callback);
