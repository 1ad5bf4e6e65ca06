/** Faults of the node itself, each with a code that never changes. */

export type EventStoreNodeErrorCode =
  | 'EVENT_STORE_FOLDER_IN_USE'
  | 'EVENT_STORE_FOLDER_UNUSABLE'
  | 'EVENT_STORE_FORMAT_UNKNOWN'
  | 'EVENT_STORE_DRIVER_MISSING'
  | 'EVENT_STORE_ADDRESS_REFUSED'
  | 'EVENT_STORE_PORT_IN_USE';

export class EventStoreNodeError extends Error {
  override readonly name = 'EventStoreNodeError';
  readonly code: EventStoreNodeErrorCode;

  constructor(code: EventStoreNodeErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}
