import { useEffect, useState } from "preact/hooks";
import { forgetTokens, signedInUser, usePool } from "../auth";
import type { Config, Pool } from "../config";
import { Account } from "./Account";
import { SignIn } from "./SignIn";

/** How long another tab takes to store all of its tokens, in milliseconds. */
const STORED_AFTER = 300;

const POOL_KEY = "your-devices.pool";

/** Who is signed in, if anybody; undefined while that is looked up. */
type User = string | null | undefined;

export function App({ config }: { config: Config }) {
  const [pool, setPool] = useState<Pool>(() => {
    const kept = localStorage.getItem(POOL_KEY);
    return config.pools.find((it) => it.label === kept) ?? config.pools[0];
  });
  const [user, setUser] = useState<User>(undefined);
  const [notice, setNotice] = useState<string | null>(null);

  useEffect(() => {
    localStorage.setItem(POOL_KEY, pool.label);
    usePool(pool);
    void signedInUser().then(setUser);
  }, [pool]);

  // Signing in or out in another tab of this browser.
  useEffect(() => {
    let timer = 0;
    const look = async () => {
      const now = await signedInUser();
      if (now === user) return;
      setNotice(now === null ? "You have signed out in another tab." : null);
      setUser(now);
    };
    const onStored = () => {
      clearTimeout(timer);
      timer = setTimeout(() => void look(), STORED_AFTER);
    };
    window.addEventListener("storage", onStored);
    return () => {
      clearTimeout(timer);
      window.removeEventListener("storage", onStored);
    };
  }, [user]);

  const leave = async (why: string | null) => {
    await forgetTokens();
    setNotice(why);
    setUser(null);
  };

  if (user === undefined) return null;
  if (user === null) {
    return (
      <SignIn
        config={config}
        pool={pool}
        notice={notice}
        onPool={setPool}
        onSignedIn={() => {
          setNotice(null);
          void signedInUser().then(setUser);
        }}
      />
    );
  }
  return <Account key={user} config={config} pool={pool} user={user} onLeave={leave} />;
}
