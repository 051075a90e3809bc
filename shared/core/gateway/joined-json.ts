import { ByteWriter } from "../byte-writer.ts";
import { ARRAY, Json, NULL, NUMBER, OBJECT, STRING } from "../json.ts";
import { JsonWriter } from "../json-writer.ts";

/** More members of one object, or numbered elements of one array, than any stream has. */
const MOST_CHILDREN: i32 = 256;

/**
 * What the chunks of a stream add up to: objects are merged, elements that bear an `index` go with those of the same
 * index, texts are joined in their own spelling (so the halves of a character find each other), and of all else the last
 * counts.
 */
export class JoinedJson {
  /** The first value that came, whose kind and key this has. */
  readonly model: Json;
  private latest: Json;
  private readonly index: i32;
  private readonly children: Array<JoinedJson> = new Array<JoinedJson>();
  private readonly text: ByteWriter = new ByteWriter(0);
  /** The chunks do not fit together, or tell of more than there may be. */
  broken: boolean = false;

  constructor(value: Json) {
    this.model = value;
    this.latest = value;
    this.index = indexOf(value);
    this.add(value);
  }

  /** Adds what a further chunk says of the same thing. */
  add(value: Json): void {
    this.latest = value;
    if (value.kind !== this.model.kind) {
      this.broken = true;
    } else if (value.kind === OBJECT) {
      let member = value.first();
      while (member != null) {
        // A chunk's null says nothing of what others told.
        if (member.kind !== NULL) this.merge(this.memberLike(member), member);
        member = member.next;
      }
    } else if (value.kind === ARRAY) {
      let element = value.first();
      while (element != null) {
        this.merge(indexOf(element) < 0 ? null : this.elementOf(indexOf(element)), element);
        element = element.next;
      }
    } else if (value.kind === STRING && (isJoined(value) || this.text.length === 0)) {
      this.text.copy(value.source, value.start, value.end);
    }
  }

  private merge(child: JoinedJson | null, value: Json): void {
    if (child != null) {
      child.add(value);
      if (child.broken) this.broken = true;
      return;
    }
    const numbered = this.model.kind === OBJECT || indexOf(value) >= 0;
    if (numbered && this.children.length >= MOST_CHILDREN) {
      this.broken = true;
      return;
    }
    const fresh = new JoinedJson(value);
    if (fresh.broken) this.broken = true;
    this.children.push(fresh);
  }

  private memberLike(member: Json): JoinedJson | null {
    const children = this.children;
    for (let i: i32 = 0; i < children.length; i++) {
      if (sameKey(children[i]!.model, member)) return children[i]!;
    }
    return null;
  }

  private elementOf(index: i32): JoinedJson | null {
    const children = this.children;
    const most: i32 = children.length < MOST_CHILDREN ? children.length : MOST_CHILDREN;
    for (let i: i32 = 0; i < most; i++) {
      if (children[i]!.index === index) return children[i]!;
    }
    return null;
  }

  /** The member under the ASCII name `key`, or null. */
  get(key: string): JoinedJson | null {
    const children = this.children;
    for (let i: i32 = 0; i < children.length; i++) {
      if (children[i]!.model.isKey(key)) return children[i]!;
    }
    return null;
  }

  get count(): i32 {
    return this.children.length;
  }

  child(place: i32): JoinedJson {
    return this.children[place]!;
  }

  write(w: JsonWriter): void {
    const kind = this.model.kind;
    if (kind === OBJECT || kind === ARRAY) {
      if (kind === OBJECT) w.object();
      else w.array();
      for (let i: i32 = 0; i < this.children.length; i++) {
        const child = this.children[i]!;
        if (kind === OBJECT) w.keyOf(child.model);
        child.write(w);
      }
      w.end();
    } else if (kind === STRING) {
      const text = new ByteWriter(this.text.length + 2);
      text.byte(0x22).writer(this.text).byte(0x22);
      w.copy(text.bytes, 0, text.length);
    } else w.json(this.latest);
  }
}

function indexOf(value: Json): i32 {
  if (value.kind !== OBJECT) return -1;
  const index = value.get("index");
  return index == null || index.kind !== NUMBER ? -1 : index.int(-1);
}

/** The texts that come in pieces; of a name or an id that is told again only the first counts. */
function isJoined(value: Json): boolean {
  return (
    value.isKey("content") ||
    value.isKey("arguments") ||
    value.isKey("text") ||
    value.isKey("reasoning_content") ||
    value.isKey("reasoning") ||
    value.isKey("refusal")
  );
}

function sameKey(left: Json, right: Json): boolean {
  const size = left.keyEnd - left.keyStart;
  if (right.keyEnd - right.keyStart !== size) return false;
  for (let i: i32 = 0; i < size; i++) {
    if ((left.source[left.keyStart + i] as i32) !== (right.source[right.keyStart + i] as i32)) return false;
  }
  return true;
}
