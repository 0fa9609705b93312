//! GraphQL documents that ask for more than the route's policy allows.

super::rules! { TABLE ["graphql", "CWE-770", "crs-920"];
    DEPTH "graphql-001" "selections too deep" Critical 1:
        "@graphql {a{a{a{a{a{a{a{a{a{a{a{a{a{a{a{a}}}}}}}}}}}}}}}}", "@graphql query Q{a{a{a{a{a{a{a{a{a{a{a{a{a{a{a{a}}}}}}}}}}}}}}}}",
        not "@graphql { user(id: 7) { posts(first: 10) { title author { name } } } }";
    ALIASES "graphql-002" "too many aliases" Critical 1:
        "@graphql {a:a b:a c:a d:a e:a f:a g:a h:a i:a j:a k:a l:a m:a n:a o:a p:a q:a r:a s:a t:a u:a v:a w:a x:a y:a z:a A:a B:a C:a D:a E:a}",
        "@graphql {a :a,b :a,c :a,d :a,e :a,f :a,g :a,h :a,i :a,j :a,k :a,l :a,m :a,n :a,o :a,p :a,q :a,r :a,s :a,t :a,u :a,v :a,w :a,x :a,y :a,z :a,A :a,B :a,C :a,D :a,E :a}",
        not "@graphql { small: image(size: 64) large: image(size: 1024) }";
    INTROSPECTION "graphql-003" "introspection" Critical 1:
        "@graphql {__schema{types{name}}}", "@graphql query{a:__type(name:\"User\"){fields{name}}}",
        not "@graphql { user { __typename name } }";
    FLOOD "graphql-004" "repetition, cycle or endless page" Critical 1:
        "@graphql {users(first:1000000){id}}", "@graphql query{a{...F}} fragment F on A{b{...F}}",
        not "@graphql { users(first: 100, after: \"x\") { id @include(if: true) friends { id id } } }";
}
