// What a guest's page carries to every address it asks: the access code of its link, and a random id of this page,
// so that who watches can be counted.

const code = new URLSearchParams(location.search).get("access_code");
const viewer = Array.from(crypto.getRandomValues(new Uint8Array(12)), (byte) => byte.toString(16).padStart(2, "0")).join("");

/** Whether somebody watches by a link. */
export const guest = code !== null;

/** `address` with what has to be carried; as it is for those who are signed in. */
export function carried(address) {
  if (!guest) return address;
  const [path, query] = address.split("?", 2);
  const asked = new URLSearchParams(query);
  asked.set("access_code", code);
  asked.set("viewer", viewer);
  return `${path}?${asked}`;
}
