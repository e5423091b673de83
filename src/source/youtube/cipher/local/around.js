// Owns: what a player script finds of the page that it thinks it is in, and how its function is asked.
// Never knows: what the script is.

var window = globalThis;
var self = globalThis;
var document = {};
var navigator = {};
var XMLHttpRequest = function () {};
var location = {
  protocol: "https:", host: "www.youtube.com", hostname: "www.youtube.com", port: "", origin: "https://www.youtube.com",
  pathname: "/watch", search: "", hash: "", href: "https://www.youtube.com/watch", username: "", password: "",
};

// The function makes an object of a link. A parameter "s" is unlocked as it is set, "n" when the object is asked for the
// whole link, by a method whose name changes: it is the one that is none of the others.
function askOne(make, n, signature) {
  const locked = signature === undefined ? undefined : encodeURIComponent(signature);
  const link = make("https://www.youtube.com/videoplayback", "s", locked);
  if (n !== undefined) link.set("n", n);
  const known = ["constructor", "set", "get", "clone"];
  const methods = Object.getOwnPropertyNames(Object.getPrototypeOf(link));
  const whole = methods.find((name) => !known.includes(name));
  if (whole !== undefined) link[whole]();
  const unlocked = signature === undefined ? undefined : link.get("s");
  return {
    n: n === undefined ? undefined : String(link.get("n")),
    signature: unlocked == null ? undefined : decodeURIComponent(unlocked),
  };
}

// Several functions may look right: those that are not fail, and the others agree.
function ask(candidates, n, signature) {
  const answers = new Map();
  let failure = new Error("no function was found");
  for (const make of candidates) {
    try {
      const answer = askOne(make, n, signature);
      answers.set(JSON.stringify(answer), answer);
    } catch (error) {
      failure = error;
    }
  }
  if (answers.size === 0) throw failure;
  if (answers.size > 1) throw new Error("the functions disagree");
  return answers.values().next().value;
}
