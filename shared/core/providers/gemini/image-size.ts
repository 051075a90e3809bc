/** The sides of the shapes that the API makes, width and height in turn. */
const SHAPES: Array<i32> = [1, 1, 2, 3, 3, 2, 3, 4, 4, 3, 4, 5, 5, 4, 9, 16, 16, 9, 21, 9];
/** Half way, in pixels, between the sizes that are called 1K and 2K, and 2K and 4K: each has four times the one before. */
const FROM_2K: i32 = 2097152;
const FROM_4K: i32 = 8388608;
const MOST_DIGITS: i32 = 5;
const LONGEST_SIDE: i32 = 16384;

/**
 * A size of OpenAI's, `WIDTHxHEIGHT`, as the shape and size that are nearest to it: the API makes images of given shapes only.
 * @see https://ai.google.dev/gemini-api/docs/image-generation#aspect_ratios_and_image_size
 */
export class ImageSize {
  /** Such as `3:2`. */
  readonly aspectRatio: string;
  /** `1K`, `2K` or `4K`. */
  readonly imageSize: string;

  constructor(width: i32, height: i32) {
    this.aspectRatio = nearestShape(width, height);
    const pixels = width * height;
    this.imageSize = pixels < FROM_2K ? "1K" : pixels < FROM_4K ? "2K" : "4K";
  }

  /** Null when the text is no size. */
  static parse(text: string): ImageSize | null {
    const times = text.indexOf("x");
    if (times < 0) return null;
    const width = side(text.substring(0, times));
    const height = side(text.substring(times + 1));
    return width === 0 || height === 0 ? null : new ImageSize(width, height);
  }
}

/** The number of pixels, or 0 when the text is none. */
function side(text: string): i32 {
  if (text.length > MOST_DIGITS) return 0;
  let value: i32 = 0;
  for (let i: i32 = 0; i < text.length; i++) {
    const c = text.charCodeAt(i);
    if (c < 48 || c > 57) return 0;
    value = value * 10 + (c - 48);
  }
  return value > LONGEST_SIDE ? 0 : value;
}

/** The shape that is stretched least to become that of the image. */
function nearestShape(width: i32, height: i32): string {
  let nearest: i32 = 0;
  for (let i: i32 = 2; i < SHAPES.length; i += 2) {
    if (isNearer(width, height, i, nearest)) nearest = i;
  }
  return shapeSide(nearest).toString() + ":" + shapeSide(nearest + 1).toString();
}

function shapeSide(index: i32): i32 {
  return SHAPES[index] as i32;
}

/** Compares by how much each shape is stretched, `more` to `less` for each, without a division. */
function isNearer(width: i32, height: i32, shape: i32, other: i32): boolean {
  const wide = width * shapeSide(shape + 1);
  const high = height * shapeSide(shape);
  const otherWide = width * shapeSide(other + 1);
  const otherHigh = height * shapeSide(other);
  const more = (wide > high ? wide : high) as f64;
  const less = (wide > high ? high : wide) as f64;
  const otherMore = (otherWide > otherHigh ? otherWide : otherHigh) as f64;
  const otherLess = (otherWide > otherHigh ? otherHigh : otherWide) as f64;
  return more * otherLess < otherMore * less;
}
