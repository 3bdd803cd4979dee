// Answers as they come: JSON, and the arrays behind it as they lie in memory (see wire.py).

const KINDS = {
  f4: Float32Array, f8: Float64Array, i4: Int32Array, u1: Uint8Array,
};
const ALIGNMENT = 8;

/** Unpack one message: plain data, with an `NdArray` where an array belongs. */
export function unpack(buffer) {
  const view = buffer instanceof ArrayBuffer ? new Uint8Array(buffer)
    : new Uint8Array(buffer.buffer, buffer.byteOffset, buffer.byteLength);
  // Typed arrays begin at multiples of their size only.
  const bytes = view.byteOffset % ALIGNMENT ? view.slice() : view;
  const length = new DataView(bytes.buffer, bytes.byteOffset).getUint32(0, true);
  const start = bytes.byteOffset + 4 + length;
  const text = new TextDecoder().decode(bytes.subarray(4, 4 + length));
  return JSON.parse(text, (_, value) => {
    if (value === null || typeof value !== "object") return value;
    if ("array" in value && "dtype" in value) {
      const size = value.shape.reduce((product, n) => product * n, 1);
      const array = new KINDS[value.dtype](bytes.buffer, start + value.array, size);
      return new NdArray(array, value.shape);
    }
    if ("number" in value && Object.keys(value).length === 1) {
      return { nan: NaN, inf: Infinity, "-inf": -Infinity }[value.number] ?? value;
    }
    return value;
  });
}

/** Pack a question and the content of a file into one binary message (see unframe in wire.py). */
export function pack(question, content) {
  const text = new TextEncoder().encode(JSON.stringify(question));
  const message = new Uint8Array(4 + text.length + content.length);
  new DataView(message.buffer).setUint32(0, text.length, true);
  message.set(text, 4);
  message.set(content, 4 + text.length);
  return message;
}

/** An array of any shape, in row-major order. */
export class NdArray {
  constructor(values, shape) {
    this.values = values;
    this.shape = shape;
  }

  get length() {
    return this.values.length;
  }

  /** Number at (row, column) of a matrix. */
  at(row, column) {
    return this.values[row * this.shape[1] + column];
  }

  [Symbol.iterator]() {
    return this.values[Symbol.iterator]();
  }
}
