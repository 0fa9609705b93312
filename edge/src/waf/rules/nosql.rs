//! `NoSQL` injection and prototype pollution.

super::rules! { TABLE ["nosqli", "CWE-943", "crs-942"];
    OPERATOR "nosqli-001" "query operator as a name" Critical 1:
        "@name user[$ne]", "@name user%255B%2524gt%255D",
        not "@name price[$]";
    OPERATOR_TEXT "nosqli-002" "query operator in text" Critical 1:
        "{'$ne': null}", "%257B%2522%2524where%2522%253A%2522sleep(1)%2522%257D",
        not "{\"$schema\": \"https://json-schema.org\"}";
    CODE "nosqli-003" "server-side query code" Critical 1:
        "'; return true; var x='", "this.password.match(/.*/)",
        not "no return; true story";
    POLLUTION "proto-pollution-001" "prototype pollution" Critical 1:
        "@name __proto__[admin]", "@name constructor%255Bprototype%255D%255Bx%255D",
        not "@name prototype_id";
}

super::literal::literals! {
    CODE, Any, Anywhere: ["redis.call('config", "redis.call(\"config", "redis.call('slaveof", "redis.call('module", "redis.call('flushall", "redis.call('script"];
    POLLUTION, Any, Anywhere: ["__proto__", "constructor.prototype", "constructor\":{\"prototype", "constructor\": {\"prototype", "constructor[prototype", "constructor['prototype", "constructor][prototype", "constructor[\"prototype", "/constructor/prototype/", "__definegetter__", "__lookupgetter__"];
}
